# The test consumer/shared_symbols: the shared library is called SONAME, exports C as coloop.map has
# it, the C++ API, and nothing else: no template of the standard library, no name of QEMU's.
set(map ${CMAKE_CURRENT_LIST_DIR}/../../lib/c_api/coloop.map)
file(READ ${map} text)
string(REGEX MATCH "COLOOP_[0-9.]+" version "${text}")

execute_process(COMMAND ${READELF} -d ${LIBRARY}
    OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY
)
if(NOT dynamic MATCHES "SONAME[^\n]*\\[${SONAME}\\]")
    message(SEND_ERROR "the library is not called ${SONAME}:\n${dynamic}")
endif()
if(dynamic MATCHES "RPATH|RUNPATH")
    message(SEND_ERROR "the library knows where it was built:\n${dynamic}")
endif()

execute_process(COMMAND ${NM} -D --defined-only --with-symbol-versions ${LIBRARY}
    OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY
)
string(REGEX MATCHALL "[^\n]+" symbols "${symbols}")
set(c 0)
set(cpp 0)
set(foreign)
foreach(symbol IN LISTS symbols)
    if(symbol MATCHES " coloop_[a-z0-9_]+@@${version}$")
        math(EXPR c "${c} + 1")
    elseif(symbol MATCHES " _Z(T.|Thn[0-9]+_)?NK?6coloop[A-Za-z0-9_]*@@${version}$")
        math(EXPR cpp "${cpp} + 1")
    elseif(NOT symbol MATCHES " ${version}(@@${version})?$")
        list(APPEND foreign ${symbol})
    endif()
endforeach()
message(STATUS "${c} functions of C, ${cpp} of C++")
if(foreign OR cpp LESS 300)
    list(JOIN foreign "\n" foreign)
    message(SEND_ERROR "the library exports ${cpp} names of the C++ API, and what it should not:\n"
        "${foreign}")
endif()

# As many as the record of the ABI has; c_api/abi checks that record against the headers.
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/../c_api/abi.txt recorded)
list(LENGTH recorded expected)
if(NOT c EQUAL expected)
    message(SEND_ERROR "abi.txt has ${expected} names, the library exports ${c}")
endif()
