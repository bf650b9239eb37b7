# Installs BUILD into WHERE and moves that to MOVED, so that a path baked in at installation shows.
file(REMOVE_RECURSE ${WHERE} ${MOVED})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WHERE}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
)
file(RENAME ${WHERE} ${MOVED})
