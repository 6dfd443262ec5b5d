# stage NAME COMMAND...: runs one step, keeps its output in $stage_logs, says how long it took and ends the script
# with one line when it fails. Sourced by the scripts.

stage_logs=${stage_logs:?where the logs go}
stage_table=""
stages_passed=""
mkdir -p "$stage_logs"

# All files that a clone of this tree would have, and new ones, as they are.
tree_sum() {
    git ls-files -co --exclude-standard -z 2> /dev/null | { xargs -0 sha256sum 2> /dev/null || true; } |
        sha256sum | cut -d ' ' -f 1
}

# remember_stages RESUME: from here on stages that passed are written down; with `yes` those that have passed on this
# very tree are left out. What they wrote down beside that, *_red.txt, lives as long.
remember_stages() {
    local sum
    if ! sum=$(tree_sum); then
        if [ "$1" = yes ]; then echo "git does not know this folder, nor we whether it is as it was: all stages run"; fi
        return 0
    fi
    stages_passed=$stage_logs/passed.txt
    if [ "$1" = yes ] && [ "$(head -1 "$stages_passed" 2> /dev/null)" = "$sum" ]; then return; fi
    if [ "$1" = yes ]; then echo "nothing has passed on this tree yet: all stages run"; fi
    rm -f "$stage_logs"/*_red.txt
    echo "$sum" > "$stages_passed"
}

log_of() { printf '%s/%s.log' "$stage_logs" "${1//[ :\/]/_}"; }

# passed_before NAME: says so of a stage that is left out.
passed_before() {
    local took=""
    if [ -n "$stages_passed" ]; then
        took=$(awk -F '\t' -v name="$1" '$1 == name { print $2; exit }' "$stages_passed")
    fi
    if [ -z "$took" ]; then return 1; fi
    printf '== %s\n   passed before, in %s\n' "$1" "$took"
    stage_table+=$(printf '%-32s %10s' "$1" "($took)")$'\n'
}

# end_of_stage NAME START STATUS
end_of_stage() {
    local name=$1 took log
    log=$(log_of "$name")
    took=$(awk -v ns=$(($(date +%s%N) - $2)) 'BEGIN { printf "%.1f s", ns / 1e9 }')
    stage_table+=$(printf '%-32s %10s' "$name" "$took")$'\n'
    if [ "$3" -ne 0 ]; then
        case $name in *build*) grep -E -A 12 '^FAILED|error:|^CMake Error' "$log" | head -60 || tail -30 "$log" ;; esac
        printf '%s: stage "%s" failed after %s; its output: %s\n' "$0" "$name" "$took" "$log" >&2
        exit 1
    fi
    printf '   %s: %s\n' "$name" "$took"
    if [ -n "$stages_passed" ]; then printf '%s\t%s\n' "$name" "$took" >> "$stages_passed"; fi
}

stage() {
    local name=$1 log start status=0
    shift
    if passed_before "$name"; then return; fi
    log=$(log_of "$name")
    start=$(date +%s%N)
    printf '== %s\n' "$name"
    # Only ctest and the checks are read as they run; a compiler's progress is of interest when it fails.
    case $name in
        *build*) "$@" > "$log" 2>&1 < /dev/null || status=$? ;;
        *) "$@" < /dev/null 2>&1 | tee "$log" || status=${PIPESTATUS[0]} ;;
    esac
    end_of_stage "$name" "$start" "$status"
}

# One stage may run beside others, for which it leaves enough of the machine: begun by start_beside NAME COMMAND..., and
# ended where end_beside waits for it, or with the script.
beside_name="" beside_process="" beside_start=0

start_beside() {
    if passed_before "$1"; then return; fi
    beside_name=$1
    beside_start=$(date +%s%N)
    shift
    printf '== %s begins, beside the stages that follow\n' "$beside_name"
    setsid "$@" > "$(log_of "$beside_name")" 2>&1 < /dev/null &
    beside_process=$!
    trap 'if [ -n "$beside_process" ]; then kill -- "-$beside_process" 2> /dev/null; fi' EXIT
}

end_beside() {
    local status=0
    if [ -z "$beside_process" ]; then return; fi
    printf '== %s\n' "$beside_name"
    wait "$beside_process" || status=$?
    beside_process=""
    cat "$(log_of "$beside_name")"
    end_of_stage "$beside_name" "$beside_start" "$status"
}
