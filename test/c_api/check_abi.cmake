# The test c_api/abi: what the headers export to C is what abi.txt says, the library defines exactly
# that, and a program beside this file calls each function of coloop.h. A change of either is a change of the ABI: lines may be added to abi.txt, and only
# a new SOVERSION may change or remove one.
#   cmake -D NM=<nm> -D LIBRARY=<static library> -P check_abi.cmake
# With -D UPDATE=1 it writes abi.txt instead.
cmake_minimum_required(VERSION 3.25)
set(here ${CMAKE_CURRENT_LIST_DIR})
set(include ${here}/../../include/coloop)

set(declarations)
set(names)
foreach(header IN ITEMS coloop.h qemu/symbols.h)
    file(READ ${include}/${header} text)
    string(REPLACE ";" "@" text "${text}")
    string(REGEX MATCHALL "COLOOP_EXPORT [^@]*@" found "${text}")
    foreach(declaration IN LISTS found)
        string(REGEX REPLACE "[ \n]+" " " declaration "${declaration}")
        string(REGEX REPLACE "^COLOOP_EXPORT (extern )?|@$" "" declaration "${declaration}")
        string(REPLACE "[" "<" declaration "${declaration}")
        string(REPLACE "]" ">" declaration "${declaration}")
        list(APPEND declarations "${declaration}")
        string(REGEX MATCH "coloop_[a-z0-9_]+[(<]" name "${declaration}")
        string(REGEX REPLACE "[(<]" "" name "${name}")
        list(APPEND names ${name})
    endforeach()
endforeach()
list(SORT declarations)
list(SORT names)
list(JOIN declarations "\n" lines)

if(UPDATE)
    file(WRITE ${here}/abi.txt "${lines}\n")
    return()
endif()
file(READ ${here}/abi.txt recorded)
if(NOT recorded STREQUAL "${lines}\n")
    message(SEND_ERROR "The headers declare something else than abi.txt says. The headers:\n${lines}")
endif()

execute_process(COMMAND ${NM} -g --defined-only -j ${LIBRARY}
    OUTPUT_VARIABLE symbols ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY
)
string(REGEX MATCHALL "\ncoloop_[a-z0-9_]+" defined "${symbols}")
list(TRANSFORM defined STRIP)
list(FILTER defined EXCLUDE REGEX "^coloop_context_")  # the assembly's
list(SORT defined)
if(NOT "${defined}" STREQUAL "${names}")
    message(SEND_ERROR "The library defines\n${defined}\nand the headers declare\n${names}")
endif()

set(programs)
file(GLOB sources ${here}/*.c)
foreach(source IN LISTS sources)
    file(READ ${source} text)
    string(APPEND programs "${text}")
endforeach()
foreach(name IN LISTS names)
    if(NOT name MATCHES "^coloop_qemu" AND NOT programs MATCHES "[^a-z_]${name}\\(")
        message(SEND_ERROR "No program in ${here} calls ${name}()")
    endif()
endforeach()
