# Completion of kubectl-hcp_azure for bash 3.2 and newer. Load it with
#   source <(kubectl-hcp_azure completion bash)
# `kubectl hcp-azure` and `oc hcp-azure` complete through kubectl's and oc's own completion instead, and through the two
# shims that `kubectl hcp-azure completion install` writes.

__hcp_azure_complete() {
  COMPREPLY=()
  # bash splits words at = and : too, the program wants them whole: a new word begins only behind a blank.
  local line=${COMP_LINE:0:COMP_POINT} words=() blank piece last=-1 i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    blank=${line%%[![:space:]]*}
    line=${line#"$blank"}
    if [[ -n $blank || $i -eq 0 ]]; then
      ((last += 1))
      words[last]=
    fi
    piece=${COMP_WORDS[i]}
    # The word under the cursor is completed as far as it stands before the cursor.
    ((i < COMP_CWORD)) || piece=$line
    line=${line#"$piece"}
    words[last]+=$piece
  done
  for i in "${!words[@]}"; do
    piece=${words[i]//[\"\'\\]/}
    case $piece in "~/"*) piece=$HOME/${piece#"~/"} ;; esac
    words[i]=$piece
  done

  local word=${words[last]} output directive=0
  output=$("${words[0]}" __complete "${words[@]:1}" 2>/dev/null) || return 0
  # Of `--flag=value`, candidates are values; readline replaces what stands behind the last of its word breaks alone.
  local flag= kept=
  case $word in
    -*=*)
      case $COMP_WORDBREAKS in *=*) ;; *) flag=${word%%=*}= ;; esac
      word=${word#*=}
      ;;
  esac
  case $word in
    *:*) case $COMP_WORDBREAKS in *:*) kept=${word%"${word##*:}"} ;; esac ;;
  esac
  while IFS= read -r piece; do
    case $piece in
      :*) directive=${piece#:} ;;
      *)
        piece=${piece%%$'\t'*}
        case $piece in *[!A-Za-z0-9_.,:/@%+=-]*) piece=$(printf '%q' "$piece") ;; esac
        COMPREPLY+=("$flag${piece#"$kept"}")
        ;;
    esac
  done <<<"$output"
  ((${#COMPREPLY[@]} == 0)) || return 0

  # Nothing of ours: a file (0), a folder (16), or nothing (4).
  local kind=
  ((directive & 4)) || kind=-f
  ((!(directive & 16))) || kind=-d
  [[ -n $kind ]] || return 0
  if type compopt >/dev/null 2>&1; then
    compopt -o filenames
  fi
  while IFS= read -r piece; do
    [[ -z $piece ]] || COMPREPLY+=("$flag$piece")
  done <<<"$(compgen "$kind" -- "$word")"
}

complete -F __hcp_azure_complete kubectl-hcp_azure oc-hcp_azure \
  kubectl-hcp_azure-{create,destroy,apply,nodepool,upgrade,doctor,status,explain,bundle,completion,version}
