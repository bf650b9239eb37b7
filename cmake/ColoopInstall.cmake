# Installs the library, its headers, a CMake package and a pkg-config file. All of them find each
# other by relative paths, so the installed tree may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/coloop)
set(installed coloop)
if(TARGET coloop::testing)
    list(APPEND installed coloop_testing)
endif()
install(TARGETS ${installed} EXPORT coloop-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev
)
install(EXPORT coloop-targets NAMESPACE coloop:: DESTINATION ${package_dir} COMPONENT dev)

configure_package_config_file(cmake/coloop-config.cmake.in coloop-config.cmake
    INSTALL_DESTINATION ${package_dir}
)
write_basic_package_version_file(coloop-config-version.cmake COMPATIBILITY SameMinorVersion)
install(
    FILES
        ${PROJECT_BINARY_DIR}/coloop-config.cmake
        ${PROJECT_BINARY_DIR}/coloop-config-version.cmake
        ${PROJECT_SOURCE_DIR}/cmake/FindLibuv.cmake
    DESTINATION ${package_dir} COMPONENT dev
)

# A static library leaves its own dependencies to whoever links it.
if(BUILD_SHARED_LIBS)
    set(pc_requires "libuv")
    set(pc_requires_private "fmt")
    set(pc_libs "")
else()
    set(pc_requires "libuv, fmt")
    set(pc_requires_private "")
    set(pc_libs ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})  # programs in C need that of C++, too
    list(FILTER pc_libs INCLUDE REGEX "^(std)?c\\+\\+$")
    list(TRANSFORM pc_libs PREPEND " -l")
    list(JOIN pc_libs "" pc_libs)
endif()
list(TRANSFORM coloop_definitions PREPEND "-D" OUTPUT_VARIABLE pc_definitions)
list(JOIN pc_definitions " " pc_definitions)
file(RELATIVE_PATH pc_prefix
    ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX}
)
configure_file(cmake/coloop.pc.in coloop.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/coloop.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT dev
)
