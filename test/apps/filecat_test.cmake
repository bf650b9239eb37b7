# The test "apps/filecat": compares FILECAT with cat, working in the directory WORK. STRACE may be
# missing.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
file(WRITE ${WORK}/text "a line\nand no end")
file(WRITE ${WORK}/empty "")

# compare(<exit code> <what standard error has> <argument>...)
function(compare exit_code words)
    execute_process(COMMAND cat ${ARGN}
        WORKING_DIRECTORY ${WORK} INPUT_FILE ${WORK}/text OUTPUT_FILE ${WORK}/expected ERROR_QUIET
    )
    execute_process(COMMAND ${FILECAT} ${ARGN}
        WORKING_DIRECTORY ${WORK} INPUT_FILE ${WORK}/text OUTPUT_FILE ${WORK}/output
        ERROR_VARIABLE errors RESULT_VARIABLE result
    )
    execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${WORK}/output ${WORK}/expected
        RESULT_VARIABLE different
    )
    if(different OR NOT result EQUAL exit_code OR NOT errors STREQUAL words)
        message(SEND_ERROR "filecat ${ARGN}: exit code ${result}, output different: ${different}, "
            "standard error: '${errors}'")
    endif()
endfunction()

compare(0 "" text)
compare(0 "" ${FILECAT} text empty ${FILECAT})  # a program is full of zero bytes
compare(0 "")
compare(0 "" text - text)
compare(1 "filecat: open missing: no such file or directory\n" text missing ${FILECAT})
compare(1 "filecat: read .: illegal operation on a directory\n" . text)

execute_process(COMMAND ${FILECAT} text
    WORKING_DIRECTORY ${WORK} OUTPUT_FILE /dev/full ERROR_VARIABLE errors RESULT_VARIABLE result
)
if(NOT result EQUAL 1 OR
   NOT errors STREQUAL "filecat: write standard output: no space left on device\n")
    message(SEND_ERROR "filecat to a full disk: exit code ${result}, '${errors}'")
endif()

# From file to file, the bytes do not pass through the process.
if(STRACE)
    execute_process(COMMAND ${STRACE} -f -qq -e trace=read,pread64,preadv2,write -o ${WORK}/calls
            ${FILECAT} ${FILECAT}
        OUTPUT_FILE ${WORK}/output RESULT_VARIABLE result
    )
    execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${WORK}/output ${FILECAT}
        RESULT_VARIABLE different
    )
    file(STRINGS ${WORK}/calls large REGEX " = [0-9][0-9][0-9][0-9][0-9]+$")
    if(NOT result EQUAL 0 OR different OR large)
        message(SEND_ERROR "filecat under strace: ${result}, output different: ${different}, "
            "it read or wrote a file itself: ${large}")
    endif()
endif()

execute_process(COMMAND ${FILECAT} --help OUTPUT_VARIABLE help RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT help MATCHES "standard input")
    message(SEND_ERROR "filecat --help: exit code ${result}, '${help}'")
endif()
