# skerry_precompile(<target> [LIKE <target>])
#
# Reads the standard headers once for all files of the target: they are most of what a file of this tree includes, one
# to two seconds each. LIKE shares what another target, which is compiled with the same options, has read. Nothing
# may lean on it: the header sets are verified without, and so are builds with SKERRY_PCH=OFF.

option(SKERRY_PCH "Precompile the standard headers" ${PROJECT_IS_TOP_LEVEL})

function(skerry_precompile target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "LIKE" "")
    if(NOT SKERRY_PCH)
        return()
    endif()
    if(arg_LIKE)
        target_precompile_headers(${target} REUSE_FROM ${arg_LIKE})
        return()
    endif()
    target_precompile_headers(${target} PRIVATE
        <algorithm> <array> <atomic> <bit> <chrono> <compare> <concepts> <condition_variable> <coroutine> <cstdint>
        <cstring> <deque> <exception> <filesystem> <functional> <limits> <memory> <mutex> <optional> <span> <string>
        <string_view> <thread> <tuple> <type_traits> <unordered_map> <unordered_set> <utility> <variant> <vector>)
endfunction()
