# Finds libuv and defines the target Libuv::Libuv. Debian's package has no CMake files of its own,
# so this one is also installed beside coloop-config.cmake.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
    pkg_check_modules(PC_LIBUV QUIET libuv)
endif()

find_path(Libuv_INCLUDE_DIR uv.h HINTS ${PC_LIBUV_INCLUDE_DIRS})
find_library(Libuv_LIBRARY NAMES uv uv_a libuv HINTS ${PC_LIBUV_LIBRARY_DIRS})
mark_as_advanced(Libuv_INCLUDE_DIR Libuv_LIBRARY)

if(EXISTS "${Libuv_INCLUDE_DIR}/uv/version.h")
    file(READ "${Libuv_INCLUDE_DIR}/uv/version.h" libuv_version_h)
    foreach(part IN ITEMS MAJOR MINOR PATCH)
        string(REGEX MATCH "UV_VERSION_${part} +([0-9]+)" _ "${libuv_version_h}")
        list(APPEND libuv_version_parts ${CMAKE_MATCH_1})
    endforeach()
    list(JOIN libuv_version_parts . Libuv_VERSION)
    unset(libuv_version_parts)
    unset(libuv_version_h)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libuv
    REQUIRED_VARS Libuv_LIBRARY Libuv_INCLUDE_DIR
    VERSION_VAR Libuv_VERSION
)

if(Libuv_FOUND AND NOT TARGET Libuv::Libuv)
    add_library(Libuv::Libuv UNKNOWN IMPORTED)
    set_target_properties(Libuv::Libuv PROPERTIES
        IMPORTED_LOCATION "${Libuv_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${Libuv_INCLUDE_DIR}"
    )
endif()
