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

stage() {
    local name=$1 log start took status=0
    shift
    took=""
    if [ -n "$stages_passed" ]; then
        took=$(awk -F '\t' -v name="$name" '$1 == name { print $2; exit }' "$stages_passed")
    fi
    if [ -n "$took" ]; then
        printf '== %s\n   passed before, in %s\n' "$name" "$took"
        stage_table+=$(printf '%-32s %10s' "$name" "($took)")$'\n'
        return
    fi
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
    if [ -n "$stages_passed" ]; then printf '%s\t%s\n' "$name" "$took" >> "$stages_passed"; fi
}
