# Completion of kubectl-hcp_azure for fish. Load it with
#   kubectl-hcp_azure completion fish | source
# or save it as ~/.config/fish/completions/kubectl-hcp_azure.fish.
# `kubectl hcp-azure` and `oc hcp-azure` complete through kubectl's and oc's own completion instead, and through the two
# shims that `kubectl hcp-azure completion install` writes.

function __hcp_azure_complete
    set -l before (commandline -opc)
    set -l typed (commandline -ct)
    set -l output ($before[1] __complete $before[2..-1] "$typed" 2>/dev/null)
    or return
    # Of `--flag=value`, candidates are values, and fish wants them with the flag.
    set -l flag (string match -r -- '^-[^=]*=' "$typed")
    set -l directive (string replace -- ':' '' "$output[-1]")
    if test (count $output) -gt 1
        for candidate in $output[1..-2]
            echo -- "$flag$candidate"
        end
    else if test "$directive" = 16
        __fish_complete_directories (string replace -- "$flag" '' "$typed") | string replace -r -- '^' "$flag"
    else if test "$directive" = 0
        __fish_complete_path (string replace -- "$flag" '' "$typed") | string replace -r -- '^' "$flag"
    end
end

for program in kubectl-hcp_azure oc-hcp_azure kubectl-hcp_azure-{create,destroy,apply,nodepool,upgrade,doctor,status,explain,bundle,completion,version}
    complete -c $program -e
    complete -c $program -f -k -a '(__hcp_azure_complete)'
end
