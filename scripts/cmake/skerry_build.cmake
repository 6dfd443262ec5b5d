# What holds for every target of this tree and for nothing outside it: build type, warnings, -march and
# sanitizers. All of it is set on this directory, so a project that adds skerry as a subdirectory keeps its own.

set(CMAKE_CXX_EXTENSIONS OFF)
if(PROJECT_IS_TOP_LEVEL)
    if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
        set(CMAKE_BUILD_TYPE RelWithDebInfo)
    endif()
    set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
endif()

# Warnings are errors for those who work on skerry; `cmake --compile-no-warning-as-error` switches that off.
if(SKERRY_DEV AND NOT DEFINED CMAKE_COMPILE_WARNING_AS_ERROR)
    set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
endif()
add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast -Wvla)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 takes parts of a coroutine frame for uninitialized variables.
    # g++ 12 sees overlaps and overflows in std::string that are none (PR 105651, PR 105329, PR 107852).
    add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
                        -Wno-stringop-overread -Wno-array-bounds)
endif()

# One -march for the whole build: with two of them an inline function has two bodies and the linker keeps either.
if(SKERRY_MARCH)
    add_compile_options("-march=${SKERRY_MARCH}")
endif()

if(SKERRY_SANITIZE)
    add_compile_options("-fsanitize=${SKERRY_SANITIZE}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options("-fsanitize=${SKERRY_SANITIZE}")
    # To check a virtual call it opens a pipe, and takes the call for wrong where a test has left no descriptors.
    if(SKERRY_SANITIZE MATCHES "undefined")
        add_compile_options(-fno-sanitize=vptr)
    endif()
endif()

# A precompiled header makes ccache decline unless it is told that time stamps and macros do not matter; it compares
# contents. clang would write the time stamp into the precompiled header.
find_program(SKERRY_CCACHE ccache)
option(SKERRY_USE_CCACHE "Compile through ccache when it is there" ON)
if(SKERRY_CCACHE AND SKERRY_USE_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${SKERRY_CCACHE}")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
endif()
