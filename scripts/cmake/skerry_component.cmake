# skerry_component(<name> [FOLDER <folder>] [EXCLUDE <folder>] [LINK <target>...]
#                  [PKG_CONFIG_LIBS <flag>...] [PKG_CONFIG_CFLAGS <flag>...])
#
# One folder, one library: skerry_<name> (alias skerry::<name>) from src/**/*.cpp of the calling folder, its public
# headers from include/, installed and exported as the package component <name>. FOLDER takes only that sub-folder of
# src/ and include/skerry/, EXCLUDE leaves one out; core is split that way into skerry::core and skerry::testing. The
# last two are what skerry-<name>.pc has for an outside library, which the calling folder links itself.
#
# The files are gathered by a glob that the build repeats (CONFIGURE_DEPENDS), so that a new file is one file and no
# list: a list would only repeat the folder, and two people who each add a file would meet in it.

include(GNUInstallDirs)
find_package(Threads REQUIRED)

function(skerry_component name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "FOLDER;EXCLUDE" "LINK;PKG_CONFIG_LIBS;PKG_CONFIG_CFLAGS")
    set(target skerry_${name})
    set(include_dir "${CMAKE_CURRENT_SOURCE_DIR}/include")
    set(source_dir "${CMAKE_CURRENT_SOURCE_DIR}/src")
    set(folder "${arg_FOLDER}")
    if(folder)
        string(PREPEND folder "/")  # never two slashes: REMOVE_ITEM below compares the paths as text
    endif()
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${source_dir}${folder}/*.cpp")
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${include_dir}/skerry${folder}/*.hpp")
    if(arg_EXCLUDE)
        file(GLOB_RECURSE excluded CONFIGURE_DEPENDS "${source_dir}/${arg_EXCLUDE}/*.cpp"
             "${include_dir}/skerry/${arg_EXCLUDE}/*.hpp")
        list(REMOVE_ITEM sources ${excluded})
        list(REMOVE_ITEM headers ${excluded})
    endif()
    if(NOT sources)
        # A static library needs one object, also when all of the component is in its headers.
        set(sources "${CMAKE_CURRENT_BINARY_DIR}/${name}_headers_only.cpp")
        file(CONFIGURE OUTPUT "${sources}" CONTENT "")
    endif()

    add_library(${target} STATIC ${sources})
    add_library(skerry::${name} ALIAS ${target})
    # Code for executables (PIE), not for shared objects: there each look at the current core, a thread_local, would
    # be a function call.
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} VERIFY_INTERFACE_HEADER_SETS ON)
    skerry_headers_first_in_others(firsts "${include_dir}" ${headers})
    list(REMOVE_ITEM headers ${firsts})
    target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${include_dir}" FILES ${headers}
                   FILE_SET firsts TYPE HEADERS BASE_DIRS "${include_dir}" FILES ${firsts})
    set_target_properties(${target} PROPERTIES INTERFACE_HEADER_SETS_TO_VERIFY HEADERS)
    target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${include_dir}>"
                               PRIVATE "${source_dir}")
    # Headers are C++20 for everyone who includes them, sources may use more.
    target_compile_features(${target} PUBLIC cxx_std_20 PRIVATE cxx_std_23)
    # Symmetric transfer between coroutines is a tail call; g++ makes it one only with this option, at every -O.
    target_compile_options(${target} PUBLIC $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-foptimize-sibling-calls>)
    if(SKERRY_SANITIZE)
        target_compile_definitions(${target} PUBLIC SKERRY_HAND_OVER=1)
    endif()
    target_link_libraries(${target} PUBLIC Threads::Threads ${arg_LINK})

    install(TARGETS ${target} EXPORT ${target} COMPONENT ${name}
            ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
            FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
            FILE_SET firsts DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
    install(EXPORT ${target} NAMESPACE skerry:: FILE ${target}-targets.cmake COMPONENT ${name}
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/skerry")
    list(JOIN arg_PKG_CONFIG_LIBS " " PC_LIBS)
    list(JOIN arg_PKG_CONFIG_CFLAGS " " PC_CFLAGS_OUTSIDE)
    skerry_install_pkg_config(${name} ${arg_LINK})
    set_property(GLOBAL APPEND PROPERTY SKERRY_COMPONENTS ${name})
endfunction()

# Of the headers those that another one includes before all else. Where that one is compiled alone, so are they, with
# nothing before them: of 250 public headers 90 need no file of their own to be verified. Looked at when CMake
# configures, not at each change of a header.
function(skerry_headers_first_in_others out include_dir)
    set(firsts)
    foreach(header IN LISTS ARGN)
        file(STRINGS "${header}" line LIMIT_COUNT 1 REGEX "^[ \t]*#[ \t]*(include|if|define)")
        if(line MATCHES "^#include \"([^\"]+)\"")
            cmake_path(GET header PARENT_PATH folder)
            cmake_path(ABSOLUTE_PATH CMAKE_MATCH_1 BASE_DIRECTORY "${folder}" NORMALIZE OUTPUT_VARIABLE first)
        elseif(line MATCHES "^#include <(skerry/[^>]+)>")
            set(first "${include_dir}/${CMAKE_MATCH_1}")
        else()
            continue()
        endif()
        if(first IN_LIST ARGN)
            list(APPEND firsts "${first}")
        endif()
    endforeach()
    list(REMOVE_DUPLICATES firsts)
    set(${out} ${firsts} PARENT_SCOPE)
endfunction()

# skerry-<name>.pc beside the library, for builds that are not CMake's.
function(skerry_install_pkg_config name)
    set(requires ${ARGN})
    list(TRANSFORM requires REPLACE "^skerry::" "skerry-")
    list(JOIN requires " " PC_REQUIRES)
    set(PC_NAME ${name})
    # The prefix is found from where the file lies, so that `cmake --install --prefix` and a moved tree are right too.
    file(RELATIVE_PATH PC_PREFIX "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
    set(PC_CFLAGS "-pthread ${PC_CFLAGS_OUTSIDE}")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        string(APPEND PC_CFLAGS " -foptimize-sibling-calls")
    endif()
    if(SKERRY_SANITIZE)
        string(APPEND PC_CFLAGS " -DSKERRY_HAND_OVER=1")
    endif()
    set(file "${PROJECT_BINARY_DIR}/generated/skerry-${name}.pc")
    configure_file("${PROJECT_SOURCE_DIR}/scripts/cmake/skerry.pc.in" "${file}" @ONLY)
    install(FILES "${file}" COMPONENT ${name}
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

# The package itself: find_package(skerry COMPONENTS core kernel_io testing).
function(skerry_install_package)
    include(CMakePackageConfigHelpers)
    set(generated "${PROJECT_BINARY_DIR}/generated")
    get_property(SKERRY_COMPONENTS GLOBAL PROPERTY SKERRY_COMPONENTS)
    configure_package_config_file("${PROJECT_SOURCE_DIR}/scripts/cmake/skerry-config.cmake.in"
                                  "${generated}/skerry-config.cmake"
                                  INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/skerry"
                                  NO_SET_AND_CHECK_MACRO)
    write_basic_package_version_file("${generated}/skerry-config-version.cmake" COMPATIBILITY SameMinorVersion)
    install(FILES "${generated}/skerry-config.cmake" "${generated}/skerry-config-version.cmake" COMPONENT core
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/skerry")
endfunction()
