# SPDX-License-Identifier: Apache-2.0
# bash completion for rnm and neural_export.  What fits is known to the command itself: this hands over the
# line and shows the answer, whose candidates are quoted already.

_rnm()
{
	local program=$1
	local -a answer

	[[ $program == '~/'* ]] && program=$HOME/${program:2}
	type -P -- "$program" >/dev/null || program=rnm
	mapfile -t answer <<<"$(command "$program" __complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)"
	COMPREPLY=("${answer[@]:1}")
	compopt -o nosort
	[[ ${answer[0]} == *nospace ]] && compopt -o nospace
	case ${answer[0]} in
	files*)
		# With an empty answer readline looks for files by itself, and quotes them.
		local -a files=("$2"*)
		[[ -e ${files[0]} ]] && COMPREPLY=()
		[[ ${#COMPREPLY[@]} -eq 0 ]] && compopt -o default
		;;
	folders*)
		compopt -o dirnames
		;;
	esac
}

complete -F _rnm rnm neural_export
