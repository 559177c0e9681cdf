// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	shells = []string{"sh", "bash", "ash", "dash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "pwsh"}
	// runners make a command of their arguments, or read some of them as code.
	runners = []string{"eval", "xargs", "awk", "gawk", "mawk"}
	// interpreters read code behind a flag; what stands behind a script is data to them.
	interpreters = []string{"python", "pypy", "perl", "ruby", "node", "nodejs", "php", "lua", "luajit", "tclsh"}
	// moreRunners and moreInterpreters have names that are words of other programs as well, so
	// they count only where a program stands.
	moreRunners      = []string{"parallel", "watch", "su", "runuser", "sudo", "doas", "script", "ssh", "socat", "entr", "inotifyd"}
	moreInterpreters = []string{"sed", "make", "deno", "bun", "irb", "expect", "guile", "Rscript", "R", "julia", "elixir", "erl", "groovy", "jshell", "gdb", "vi", "vim", "ed", "ex"}
	// wrappers start the program that is their first argument which is no flag.
	wrappers = []string{
		"env", "timeout", "nice", "ionice", "nohup", "setsid", "stdbuf", "time", "chroot", "unshare", "nsenter", "setpriv", "chpst",
		"gosu", "su-exec", "tini", "dumb-init", "catatonit", "busybox", "toybox", "exec", "command", "flock", "strace", "unbuffer",
	}
	// codeFlag is a flag behind which an interpreter reads code, wherever it stands.
	codeFlag = regexp.MustCompile(`^(-[lixeu]*c|-[0-9aFilnpstuw]*[eE]|-r|-S|--eval|--print|--command|--execute|--require|--import)=?$`)
	// codeVar is a variable that a shell, an interpreter, the loader or git reads as code, or
	// as where to find it.
	codeVar = regexp.MustCompile(`^(ENV|BASH_ENV|BASH_FUNC_.*|PROMPT_COMMAND|PS4|IFS|SHELLOPTS|SHELL|PATH|LD_.*|DYLD_.*|GCONV_PATH|` +
		`PERL5OPT|PERL5LIB|PERLLIB|PERL5DB|PYTHONSTARTUP|PYTHONPATH|PYTHONHOME|PYTHONUSERBASE|PYTHONBREAKPOINT|NODE_OPTIONS|NODE_PATH|RUBYOPT|RUBYLIB|GEM_HOME|GEM_PATH|` +
		`LUA_INIT.*|LUA_PATH.*|LUA_CPATH.*|PHPRC|PHP_INI_SCAN_DIR|AWKPATH|AWKLIBPATH|CLASSPATH|JAVA_HOME|_?JAVA_OPTS|_JAVA_OPTIONS|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|CATALINA_OPTS|` +
		`GIT_SSH|GIT_DIR|GIT_COMMON_DIR|GIT_SSH_COMMAND|GIT_PROXY_COMMAND|GIT_ASKPASS|GIT_EXEC_PATH|GIT_EXTERNAL_DIFF|GIT_EDITOR|GIT_SEQUENCE_EDITOR|GIT_PAGER|GIT_TEMPLATE_DIR|GIT_CONFIG.*|` +
		`SSH_ASKPASS|RSYNC_RSH|EDITOR|VISUAL|PAGER|MANPAGER|LESSOPEN|LESSCLOSE|BROWSER|MAKEFLAGS|OPENSSL_CONF|OPENSSL_ENGINES|OPENSSL_MODULES)$`)
)

// commandLine is what is known of a command line up to one of its words.
type commandLine struct {
	program     bool   // the next word that is no flag is a program
	by          string // a shell, or a runner: it reads all that follows
	interpreter string // is the program, or may be
	script      bool   // the interpreter has its script or module
	before      string // the last word, if it is a literal
}

// readsAsCode says which option of a command line a shell or interpreter would read; -1 for none.
// own says that the first word is a program and not behind the image's entrypoint.
func readsAsCode(words []Value, own bool) (index int, by string) {
	line := commandLine{program: own}
	for i := range words {
		w := &words[i]
		if w.Option == "" {
			line.literal(w.Literal, line.program || i == 0)
			continue
		}
		switch by := line.reader(w.Prefix); {
		case by != "":
			return i, by
		case !own && i == 1 && strings.HasSuffix(line.before, "c") && codeFlag.MatchString(line.before):
			return i, "the image's entrypoint, if it is a shell,"
		}
		line.program, line.before = false, ""
	}
	return -1, ""
}

// reader says who would read an option with that prefix as code; "" for nobody.
func (l *commandLine) reader(prefix string) string {
	switch {
	case l.by != "":
		return l.by
	case l.before == "-S" || prefix == "-S" || prefix == "--split-string=":
		return "env -S"
	case l.program && !strings.HasPrefix(prefix, "-") && !strings.Contains(prefix, "="):
		return "as the name of the program"
	case l.interpreter != "" && (!l.script || codeFlag.MatchString(l.before) || codeFlag.MatchString(prefix)):
		return l.interpreter
	}
	return ""
}

// literal takes a word of the definition's author into account; program says that one can
// stand there.
func (l *commandLine) literal(word string, program bool) {
	before := l.before
	l.before = word
	if strings.HasPrefix(word, "-") {
		return
	}
	name, _, _ := strings.Cut(strings.TrimLeft(word, " \t\n"), " ")
	name = path.Base(name)
	l.program = l.program && (slices.Contains(wrappers, name) || strings.ContainsAny(word[:min(1, len(word))], "0123456789") || strings.Contains(word, "="))
	switch {
	case slices.Contains(shells, name), slices.Contains(runners, name), program && slices.Contains(moreRunners, name):
		l.by = name
	case slices.Contains(interpreters, strings.TrimRight(name, "0123456789.")), program && slices.Contains(moreInterpreters, name):
		l.interpreter, l.script = name, false
	case l.interpreter != "" && !codeFlag.MatchString(before):
		l.script = true
	}
}
