# SPDX-License-Identifier: Apache-2.0
# fish completion for rnm and neural_export.  What fits is known to the command itself: this hands over the
# words without their quotes and shows the answer; fish quotes what it inserts.

# Fills __rnm_candidates; false where fish shall offer files, which it does by itself.
function __rnm_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    type -q -- $program; or set program rnm
    set -l answer (command $program __complete fish $words (string unescape -- "$word") 2>/dev/null)
    set -g __rnm_candidates $answer[2..]
    switch "$answer[1]"
        case 'folders*'
            set -g __rnm_candidates (__fish_complete_directories $word)
        case 'files*'
            return 1
    end
end

for command in rnm neural_export
    complete -c $command -e
    complete -c $command -n __rnm_complete -f -k -a '$__rnm_candidates'
end
