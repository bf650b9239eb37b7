# Installs the library, its headers, a CMake package and a pkg-config file. All of them find each
# other by relative paths, so the installed tree may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/coloop)
install(TARGETS coloop coloop_testing EXPORT coloop-targets
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

# `cpack -G DEB` makes libcoloop-dev, and of a shared library also the package that programs need.
if(PROJECT_IS_TOP_LEVEL)
    set(runtime_package libcoloop${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    set(CPACK_PACKAGE_CONTACT "The coloop authors <coloop@localhost>")
    set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
    set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
    set(CPACK_DEB_COMPONENT_INSTALL ON)
    set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
    set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${runtime_package})
    set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
    set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
    set(CPACK_DEBIAN_DEV_PACKAGE_NAME libcoloop-dev)
    set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
    set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libuv1-dev (>= 1.44.2), libfmt-dev")
    set(CPACK_COMPONENTS_ALL dev)
    if(BUILD_SHARED_LIBS)
        list(APPEND CPACK_COMPONENTS_ALL runtime)
        string(PREPEND CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
            "${runtime_package} (= ${PROJECT_VERSION}), "
        )
    endif()
    include(CPack)
endif()
