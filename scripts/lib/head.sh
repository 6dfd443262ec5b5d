# print_head FILE: the comment at the head of a script, which is its --help. Sourced by the scripts.

print_head() {
    sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"
}
