#!/usr/bin/env bash
# run.sh package|subdirectory SOURCE BUILD COMPILER COMPONENTS SANITIZERS: builds the outside project beside this file.
set -euo pipefail

way=$1 source=$2 build=$3 compiler=$4 components=${5// /;} sanitizers=${6:-}
here=$(cd "$(dirname "$0")" && pwd)
work=$build/install_test/$way
rm -rf "$work"
mkdir -p "$work"

flags=${sanitizers:+-fsanitize=$sanitizers}
# Whether the whole library builds inside a stranger's project is asked, not how fast it is then.
build_type=Release
[ "$way" = subdirectory ] && build_type=
launcher=()
command -v ccache > /dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
# As in scripts/cmake/skerry_build.cmake.
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
configure=(cmake -G Ninja -S "$here" -B "$work/build" "-DCMAKE_BUILD_TYPE=$build_type" "-DCMAKE_CXX_COMPILER=$compiler"
           "${launcher[@]}" "-DSKERRY_CONSUMER=$way" "-DSKERRY_CONSUMER_COMPONENTS=$components")

if [ "$way" = subdirectory ]; then
    dpdk=OFF
    [[ $components =~ dpdk ]] && dpdk=ON
    configure+=("-DSKERRY_SOURCE=$source" -DSKERRY_PCH=ON "-DSKERRY_DPDK=$dpdk")
    # The stranger joins files (a unity build), which takes far less time. Where two of ours cannot be joined,
    # because each has something of the same name for itself, they are compiled one by one: that is no fault of theirs.
    "${configure[@]}" -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=12
    if ! cmake --build "$work/build" --target consumer; then
        echo "not as a unity build; once more, file by file"
        "${configure[@]}" -DCMAKE_UNITY_BUILD=OFF
        cmake --build "$work/build" --target consumer
    fi
    "$work/build/consumer"
    exit
fi

cmake --install "$build" --prefix "$work/prefix" > /dev/null
for program in skerry-echo skerry-loadgen skerry-pkt; do
    [ ! -x "$build/bin/$program" ] || "$work/prefix/bin/$program" --version  # a build may have no programs
done
"${configure[@]}" "-DCMAKE_PREFIX_PATH=$work/prefix" "-DCMAKE_CXX_FLAGS=$flags" \
    "-DSKERRY_CONSUMER_HEADERS=$work/prefix/include"
cmake --build "$work/build"
"$work/build/consumer"

# The same program without CMake.
libdir=$(dirname "$(find "$work/prefix" -name libskerry_core.a)")
command -v pkg-config > /dev/null || { echo "no pkg-config: its half of the test did not run"; exit 0; }
read -ra compile <<< "$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs skerry-testing skerry-core)"
"$compiler" -std=c++20 $flags "$here/consumer.cpp" -o "$work/consumer" "${compile[@]}"
"$work/consumer"
