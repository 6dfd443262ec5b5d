# stage NAME COMMAND...: runs one step, keeps its output in $stage_logs, says how long it took and ends the script
# with one line when it fails. Sourced by the scripts.

stage_logs=${stage_logs:?where the logs go}
stage_table=""
mkdir -p "$stage_logs"

stage() {
    local name=$1 log start took status=0
    shift
    log=$stage_logs/${name//[ :\/]/_}.log
    start=$(date +%s%N)
    printf '== %s\n' "$name"
    # Only ctest and the checks are read as they run; a compiler's progress is of interest when it fails.
    case $name in
        *build*) "$@" > "$log" 2>&1 < /dev/null || status=$? ;;
        *) "$@" < /dev/null 2>&1 | tee "$log" || status=${PIPESTATUS[0]} ;;
    esac
    took=$(awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { printf "%.1f s", ns / 1e9 }')
    stage_table+=$(printf '%-32s %10s' "$name" "$took")$'\n'
    if [ "$status" -ne 0 ]; then
        case $name in *build*) grep -E -A 12 '^FAILED|error:|^CMake Error' "$log" | head -60 || tail -30 "$log" ;; esac
        printf '%s: stage "%s" failed after %s; its output: %s\n' "$0" "$name" "$took" "$log" >&2
        exit 1
    fi
    printf '   %s: %s\n' "$name" "$took"
}
