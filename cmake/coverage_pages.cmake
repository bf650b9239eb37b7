# What the checks of the pages in test/coverage/ share. They set CTEST and BUILD.

function(offence what)
    message(NOTICE "${what}")
    set_property(GLOBAL APPEND PROPERTY offences ${what})
endfunction()

function(end_with_offences page)
    get_property(offences GLOBAL PROPERTY offences)
    if(offences)
        message(FATAL_ERROR "${page} is not right; see above.")
    endif()
endfunction()

# Reads a file as text that can be put into lists.
function(read_text file result)
    file(READ ${file} text)
    string(REGEX REPLACE "[][;\\]" " " text "${text}")
    set(${result} "${text}" PARENT_SCOPE)
endfunction()

# The names of all tests, written as read_text() would read them.
function(list_tests result)
    execute_process(COMMAND ${CTEST} --test-dir ${BUILD} --show-only
        OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY
    )
    string(REGEX REPLACE "[][;\\]" " " output "${output}")
    string(REGEX MATCHALL "Test +#[0-9]+: [^\n]*" tests "${output}")
    list(TRANSFORM tests REPLACE "Test +#[0-9]+: " "")
    set(${result} "${tests}" PARENT_SCOPE)
endfunction()

function(check_tests_exist who names tests)
    foreach(name IN LISTS names)
        if(NOT name IN_LIST tests)
            offence("${who}: ctest knows no test '${name}'")
        endif()
    endforeach()
endfunction()

# Sets ${result} to what stands between backquotes in a cell.
function(quoted cell result)
    string(REGEX MATCHALL "`[^`]*`" parts "${cell}")
    list(TRANSFORM parts REPLACE "`" "")
    set(${result} "${parts}" PARENT_SCOPE)
endfunction()
