// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"path"
	"slices"
	"strings"
)

var (
	shells       = []string{"sh", "bash", "ash", "dash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "pwsh"}
	interpreters = []string{"python", "python2", "python3", "perl", "ruby", "node", "php", "lua", "awk", "gawk", "mawk", "tclsh", "eval", "xargs"}
	// codeFlags are behind which an interpreter, or an entrypoint that may be one, reads code.
	codeFlags = []string{"-c", "-ec", "-lc", "-ic", "-exc", "-xc", "-euc", "-e", "-E", "-r", "--eval", "--command", "-S"}
	// codeVars are variables that a shell or the loader reads as code or as the name of it.
	codeVars = []string{"ENV", "BASH_ENV", "PROMPT_COMMAND", "PS4", "IFS", "SHELLOPTS", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PATH", "PERL5OPT", "PYTHONSTARTUP", "NODE_OPTIONS", "RUBYOPT"}
)

// readsAsCode says which option of a command line a shell or interpreter would read; -1 for none.
// own says that the first word is a program and not behind the image's entrypoint.
func readsAsCode(words []Value, own bool) (index int, by string) {
	shell, interpreter := "", ""
	for i, w := range words {
		if w.Option != "" {
			switch before := literal(words, i-1); {
			case shell != "":
				return i, shell
			case own && i == 0:
				return i, "as the name of the program"
			case interpreter != "" && (slices.Contains(codeFlags, before) || slices.Contains(codeFlags, w.Prefix) || interpreter == "eval" || interpreter == "xargs" || strings.HasSuffix(interpreter, "awk")):
				return i, interpreter
			case !own && i == 1 && (strings.HasPrefix(before, "-") && strings.HasSuffix(before, "c")) && len(before) <= 5:
				return i, "the image's entrypoint, if it is a shell,"
			case literal(words, 0) == "env" && before == "-S":
				return i, "env -S"
			}
			continue
		}
		for _, part := range strings.Fields(w.Literal) { //nolint:modernize // the list is short
			name := path.Base(part)
			if slices.Contains(shells, name) {
				shell = name
			}
			if slices.Contains(interpreters, strings.TrimRight(name, "0123456789.")) || slices.Contains(interpreters, name) {
				interpreter = name
			}
			break
		}
	}
	return -1, ""
}

// literal is the literal at an index, without folders; "" if there is none.
func literal(words []Value, i int) string {
	if i < 0 || words[i].Option != "" {
		return ""
	}
	if strings.HasPrefix(words[i].Literal, "/") {
		return path.Base(words[i].Literal)
	}
	return words[i].Literal
}
