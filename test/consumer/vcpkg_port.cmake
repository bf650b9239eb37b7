# The test consumer/vcpkg: the port of vcpkg, run as vcpkg runs it. What its helpers do to a tree is
# done here in short; what is packed is what was built in BUILD.
#   cmake -D BUILD=... -D CURRENT_PACKAGES_DIR=... -P vcpkg_port.cmake
cmake_minimum_required(VERSION 3.25)
set(port ${CMAKE_CURRENT_LIST_DIR}/../../cmake/packaging/vcpkg)
file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR})
set(calls)

macro(note_call)
    list(APPEND calls ${CMAKE_CURRENT_FUNCTION})
    set(calls ${calls} PARENT_SCOPE)
endmacro()

# The project must know each option: CMake says which it does not use.
function(vcpkg_cmake_configure)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "vcpkg_cmake_configure: ${arg_UNPARSED_ARGUMENTS}?")
    endif()
    set(work ${CURRENT_PACKAGES_DIR}-work)
    file(REMOVE_RECURSE ${work})
    execute_process(
        COMMAND ${CMAKE_COMMAND} -S ${arg_SOURCE_PATH} -B ${work} -G Ninja ${arg_OPTIONS}
            -DBUILD_SHARED_LIBS=OFF -DCMAKE_BUILD_TYPE=Release
        OUTPUT_VARIABLE output ERROR_VARIABLE output COMMAND_ERROR_IS_FATAL ANY
    )
    if(output MATCHES "not used by the project")
        message(FATAL_ERROR "the port sets what CMakeLists.txt does not know:\n${output}")
    endif()
    note_call()
endfunction()

function(vcpkg_cmake_install)
    execute_process(
        COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${CURRENT_PACKAGES_DIR}
        OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
    )
    note_call()
endfunction()

# Moves it to share/<port>, which is one folder less deep, and says so to those who count folders.
function(vcpkg_cmake_config_fixup)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "CONFIG_PATH" "")
    file(MAKE_DIRECTORY ${CURRENT_PACKAGES_DIR}/share)
    set(config ${CURRENT_PACKAGES_DIR}/share/coloop)
    file(RENAME ${CURRENT_PACKAGES_DIR}/${arg_CONFIG_PATH} ${config})
    file(GLOB scripts ${config}/*.cmake)
    foreach(script IN LISTS scripts)
        file(READ ${script} text)
        string(REPLACE "/../../../\"" "/../../\"" text "${text}")
        string(REPLACE
            "get_filename_component(_IMPORT_PREFIX \"\${CMAKE_CURRENT_LIST_FILE}\" PATH)\nget_filename_component(_IMPORT_PREFIX \"\${_IMPORT_PREFIX}\" PATH)"
            "get_filename_component(_IMPORT_PREFIX \"\${CMAKE_CURRENT_LIST_FILE}\" PATH)"
            text "${text}"
        )
        file(WRITE ${script} "${text}")
    endforeach()
    note_call()
endfunction()

function(vcpkg_fixup_pkgconfig)
    if(NOT EXISTS ${CURRENT_PACKAGES_DIR}/lib/pkgconfig/coloop.pc)
        message(FATAL_ERROR "there is no coloop.pc")
    endif()
    note_call()
endfunction()

function(vcpkg_install_copyright)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
    file(READ ${arg_FILE_LIST} text)
    file(WRITE ${CURRENT_PACKAGES_DIR}/share/coloop/copyright "${text}")
    note_call()
endfunction()

include(${port}/portfile.cmake)

set(expected vcpkg_cmake_configure vcpkg_cmake_install vcpkg_cmake_config_fixup
    vcpkg_fixup_pkgconfig vcpkg_install_copyright
)
if(NOT calls STREQUAL expected)
    message(FATAL_ERROR "the port calls ${calls}, not ${expected}")
endif()
file(GLOB left ${CURRENT_PACKAGES_DIR}/lib/cmake/* ${CURRENT_PACKAGES_DIR}/debug/include/*)
if(left)
    message(FATAL_ERROR "vcpkg would refuse a package that has ${left}")
endif()
