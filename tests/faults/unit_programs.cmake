# Stands in for tests/unit/CMakeLists.txt in the copy of the tree that run.py builds: one program per test file, so that
# a patch of one header compiles the tests that are about it and no others.

file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/catch_pch.cpp" "")
add_library(faults_catch_pch OBJECT "${CMAKE_CURRENT_BINARY_DIR}/catch_pch.cpp")
target_link_libraries(faults_catch_pch PRIVATE ${skerry_test_libraries} skerry_tests_support)
target_precompile_headers(faults_catch_pch PRIVATE "${PROJECT_SOURCE_DIR}/tests/support/catch.hpp")

file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" "*_test.cpp")
get_property(libraries_of_apps GLOBAL PROPERTY SKERRY_APP_LIBRARIES)
foreach(source IN LISTS sources)
    string(REGEX REPLACE "[/.]" "_" name "${source}")
    add_executable(faults_${name} EXCLUDE_FROM_ALL "${source}")
    target_link_libraries(faults_${name} PRIVATE ${skerry_test_libraries} skerry_tests_support)
    target_include_directories(faults_${name} PRIVATE "${PROJECT_SOURCE_DIR}/core/src"
                               "${PROJECT_SOURCE_DIR}/kernel_io/src" "${PROJECT_SOURCE_DIR}/dpdk/src")
    if(source MATCHES "^apps/")
        target_link_libraries(faults_${name} PRIVATE ${libraries_of_apps})
    endif()
    target_precompile_headers(faults_${name} REUSE_FROM faults_catch_pch)
endforeach()
