# Included by the presets (CMAKE_PROJECT_TOP_LEVEL_INCLUDES), never for those who build us.
find_program(CCACHE ccache)
if(CCACHE)
    # Paths are told relative to the tree, so that one clone finds what another has compiled.
    set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
    set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
