// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"strings"
	"testing"
)

// In these command lines {x} is an option, and --flag={x} one with a prefix.
func TestNoOptionIsReadAsCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line string
		by   string // "" where the option is data
	}{
		{"sh -c {x}", "sh"},
		{"/bin/busybox sh -c {x}", "sh"},
		{"sh /script.sh {x}", "sh"},
		{"timeout 10 bash -c {x}", "bash"},
		{"{x}", "as the name of the program"},
		{"timeout 10 {x}", "as the name of the program"},
		{"timeout -k 5 10 {x}", "as the name of the program"},
		{"env A=b {x}", "as the name of the program"},
		{"tini -- {x}", "as the name of the program"},
		{"env -S {x}", "env -S"},
		{"env --split-string={x}", "env -S"},
		{"su app -c {x}", "su"},
		{"su -c {x} app", "su"},
		{"watch -n 5 {x}", "watch"},
		{"xargs -n1 {x}", "xargs"},
		{"awk {x} /file", "awk"},
		{"awk 1 {x}", "awk"},
		{"ssh host {x}", "ssh"},
		{"perl -e {x}", "perl"},
		{"perl -ne {x}", "perl"},
		{"perl -lane {x}", "perl"},
		{"perl -I {x}", "perl"},
		{"perl -e 1 -e {x}", "perl"},
		{"python3.12 -c {x}", "python3.12"},
		{"python -W ignore -c {x}", "python"},
		{"python -m {x}", "python"},
		{"python {x}", "python"},
		{"node -p {x}", "node"},
		{"node -pe {x}", "node"},
		{"node --eval={x}", "node"},
		{"node --require {x} /app.js", "node"},
		{"php -r {x}", "php"},
		{"ruby -rjson -e {x}", "ruby"},
		{"sed -n {x} /file", "sed"},
		{"sed -e s/a/b/ -e {x}", "sed"},
		{"make {x}", "make"},

		{"app {x}", ""},
		{"app --url={x}", ""},
		{"app -c {x}", ""},
		{"app watch {x}", ""},
		{"app make --script {x}", ""},
		{"timeout 10 app {x}", ""},
		{"timeout --kill-after={x} 10 app", ""},
		{"env A={x} app", ""},
		{"python /app.py {x}", ""},
		{"python -m http.server {x}", ""},
		{"python -u -m http.server --bind {x}", ""},
		{"node /server.js -p {x}", ""},
		{"node /server.js --port={x}", ""},
		{"perl /app.pl --name={x}", ""},
		{"sed s/a/b/ {x}", ""},
	} {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			var words []Value
			for w := range strings.FieldsSeq(tt.line) {
				if prefix, is := strings.CutSuffix(w, "{x}"); is {
					words = append(words, Value{Prefix: prefix, Option: "x"})
				} else {
					words = append(words, Value{Literal: w})
				}
			}
			if _, by := readsAsCode(words, true); by != tt.by {
				t.Errorf("the option is read by %q, want %q", by, tt.by)
			}
		})
	}
}

func TestNoOptionIsAVariableThatIsReadAsCode(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]bool{
		"PATH": true, "LD_PRELOAD": true, "LD_ORIGIN_PATH": true, "BASH_FUNC_ls": true, "JAVA_TOOL_OPTIONS": true, "_JAVA_OPTIONS": true,
		"PYTHONPATH": true, "GIT_SSH_COMMAND": true, "GIT_CONFIG_VALUE_0": true, "NODE_PATH": true, "LUA_INIT_5_4": true, "EDITOR": true,
		"MY_PATH": false, "PATHS": false, "HTTP_PROXY": false, "GIT_AUTHOR_NAME": false, "JAVA_HOME": true, "JAVA_VERSION": false, "PYTHONUNBUFFERED": false, "LDAP_URL": false,
	} {
		if got := codeVar.MatchString(name); got != code {
			t.Errorf("%s is read as code: %v, want %v", name, got, code)
		}
	}
}
