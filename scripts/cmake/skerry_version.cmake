# <skerry/version.hpp>: the version from project() and the git revision, where there is one. It is taken when CMake
# configures; git's own log of HEAD is a dependency of that, so a commit or checkout renews it.

set(SKERRY_GIT_REVISION "")
find_package(Git QUIET)
if(Git_FOUND)
    execute_process(COMMAND "${GIT_EXECUTABLE}" -C "${PROJECT_SOURCE_DIR}" rev-parse --show-toplevel
                    OUTPUT_VARIABLE skerry_git_top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    # A source archive inside some other project's repository must not take that project's revision.
    if(skerry_git_top STREQUAL PROJECT_SOURCE_DIR)
        execute_process(COMMAND "${GIT_EXECUTABLE}" -C "${PROJECT_SOURCE_DIR}" rev-parse --short=12 --verify HEAD
                        OUTPUT_VARIABLE SKERRY_GIT_REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
        execute_process(COMMAND "${GIT_EXECUTABLE}" -C "${PROJECT_SOURCE_DIR}" rev-parse --path-format=absolute
                                --git-path logs/HEAD
                        OUTPUT_VARIABLE skerry_git_log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
        if(EXISTS "${skerry_git_log}")
            set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${skerry_git_log}")
        endif()
    endif()
endif()

set(SKERRY_GENERATED_INCLUDE "${PROJECT_BINARY_DIR}/generated/include")
configure_file("${PROJECT_SOURCE_DIR}/scripts/cmake/version.hpp.in"
               "${SKERRY_GENERATED_INCLUDE}/skerry/version.hpp" @ONLY)
