# The test "format": every C and C++ file that git knows is as clang-format 14 would write it. Those
# that are older than the file STAMP were so the last time.
#   cmake -D STAMP=<file> -P check_format.cmake
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH root)
find_program(CLANG_FORMAT NAMES clang-format-14 clang-format)
if(NOT CLANG_FORMAT)
    message(STATUS "skipped: clang-format is not installed")
    return()
endif()

execute_process(COMMAND git ls-files --cached --others --exclude-standard *.cpp *.hpp *.c *.h
    WORKING_DIRECTORY ${root} OUTPUT_VARIABLE files RESULT_VARIABLE code
)
if(NOT code EQUAL 0)
    message(STATUS "skipped: this is not a git checkout")
    return()
endif()
string(REGEX MATCHALL "[^\n]+" names "${files}")

set(files "")
foreach(name IN LISTS names)
    if(${root}/${name} IS_NEWER_THAN ${STAMP} OR ${root}/.clang-format IS_NEWER_THAN ${STAMP})
        list(APPEND files ${name})
    endif()
endforeach()
if(NOT files)
    return()
endif()
file(TOUCH ${STAMP})  # before they are read, so that none is missed that changes meanwhile
execute_process(COMMAND ${CLANG_FORMAT} --dry-run -Werror ${files}
    WORKING_DIRECTORY ${root} RESULT_VARIABLE code
)
if(NOT code EQUAL 0)
    file(REMOVE ${STAMP})
    message(FATAL_ERROR "Some files are not formatted; clang-format -i puts them right.")
endif()
