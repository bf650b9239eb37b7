# Included by the presets (CMAKE_PROJECT_TOP_LEVEL_INCLUDES), never for those who build us.
find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
