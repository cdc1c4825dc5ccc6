/** Scripts that ask `nexus complete WORD…` for what may stand in place of the last word. */
export const bashScript = `_nexus() {
  local IFS=$'\\n'
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  # Bash splits words at colons and equal signs too, but no name here has one.
  COMPREPLY=($(nexus complete -- "\${words[@]}" 2>/dev/null))
  if [[ \${#COMPREPLY[@]} -eq 0 ]]; then
    compopt -o default
  elif [[ \${COMPREPLY[0]} == *[/=] ]]; then
    compopt -o nospace
  fi
}
complete -F _nexus nexus`;

export const zshScript = `#compdef nexus
_nexus() {
  local -a candidates
  candidates=("\${(@f)$(nexus complete -- "\${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)}")
  if [[ -z \${candidates[1]} ]]; then
    _files
  elif [[ \${candidates[1]} == *[/=] ]]; then
    compadd -S '' -- "\${candidates[@]}"
  else
    compadd -- "\${candidates[@]}"
  fi
}
compdef _nexus nexus`;

export const fishScript = `function __nexus_complete
    set -l words (commandline --tokenize --cut-at-cursor) (commandline --current-token)
    nexus complete -- $words[2..-1] 2>/dev/null
end
complete --command nexus --no-files --arguments '(__nexus_complete)'`;
