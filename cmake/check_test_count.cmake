# Fails unless ctest knows as many tests with the label LABEL as the test BINARY has cases.
execute_process(COMMAND ${EMULATOR} ${BINARY} --count
    OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY
)
string(REGEX MATCH "current filters: ([0-9]+)" _ "${output}")
set(written ${CMAKE_MATCH_1})

execute_process(COMMAND ${CTEST} --test-dir ${BUILD} --show-only --label-regex ^${LABEL}$
    OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY
)
string(REGEX MATCH "Total Tests: ([0-9]+)" _ "${output}")
set(registered ${CMAKE_MATCH_1})

if(NOT written OR NOT written STREQUAL registered)
    message(FATAL_ERROR "${BINARY} has '${written}' test cases but ctest knows '${registered}' "
        "of them; has a case a ';' in its name?")
endif()
