# COLOOP_PYTHON: how tests start Python. The interpreter itself: what a version manager has in the
# PATH is a script in front of it, which takes three times as long to start; and without site, for
# what is installed there is not needed and takes as long as the rest.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
execute_process(COMMAND ${Python3_EXECUTABLE} -c "import sys; print(sys.executable)"
    OUTPUT_VARIABLE interpreter OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY
)
set(COLOOP_PYTHON ${interpreter} -B -S)
