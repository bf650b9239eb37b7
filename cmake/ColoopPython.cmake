# COLOOP_PYTHON: how tests start Python. The system's, if there is one, since those of version managers
# take half as long again to start; and without site, for what is installed there is not needed and
# takes as long as the rest.
find_program(COLOOP_PYTHON_INTERPRETER python3 HINTS /usr/bin REQUIRED)
set(COLOOP_PYTHON ${COLOOP_PYTHON_INTERPRETER} -B -S)
