# The test "format": every C and C++ file that git knows is as clang-format 14 would write it.
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
string(REGEX MATCHALL "[^\n]+" files "${files}")

execute_process(COMMAND ${CLANG_FORMAT} --dry-run -Werror ${files}
    WORKING_DIRECTORY ${root} RESULT_VARIABLE code
)
if(NOT code EQUAL 0)
    message(FATAL_ERROR "Some files are not formatted; clang-format -i puts them right.")
endif()
