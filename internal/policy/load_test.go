// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// named is a policy with another name.
func named(name string) string {
	return strings.Replace(file("helpers: {}"), "name: web", "name: "+name, 1)
}

func TestADirectoryIsReadAsAConfigMapIsMounted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "..2026_11_23_07_00_00.123456789")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, policy := range map[string]string{"web.yaml": "web", "default.yml": "default", "batch.json": "batch"} {
		write(t, data, name, named(policy))
	}
	write(t, data, "README.md", "no policy")
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Base(data), "..data")
	for _, name := range []string{"web.yaml", "default.yml", "batch.json", "README.md"} {
		link(filepath.Join("..data", name), name)
	}
	write(t, dir, ".hidden.yaml", "no policy")
	write(t, dir, "notes.txt", "no policy")
	policies, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"batch", "default", "web"}, slices.Sorted(maps.Keys(policies))); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	for name, p := range policies {
		if p.Name != name {
			t.Errorf("%s is found as %s", p.Name, name)
		}
	}
}

func TestADirectoryIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string // %s is the directory
	}{
		{"no file", nil, []string{"the policy directory %s has no .yaml, .yml or .json file"}},
		{"no file of ours", map[string]string{"a.txt": "", ".b.yaml": ""}, []string{"the policy directory %s has no .yaml, .yml or .json file"}},
		{
			"one file with a mistake",
			map[string]string{"a.yaml": named("a"), "b.yaml": strings.Replace(named("b"), "helpers:", "helprs:", 1)},
			[]string{`policy file %s/b.yaml: line 6: spec: unknown field "helprs"; did you mean "helpers"?`},
		},
		{"two files with mistakes", map[string]string{"a.yaml": named("A"), "b.yaml": named("b"), "c.yaml": named("C")}, []string{
			`policy file %s/a.yaml: line 4: metadata.name: Invalid value: "A": must be at most 63 lower-case letters, digits or '-', since it is the value of a label`,
			`policy file %s/c.yaml: line 4: metadata.name: Invalid value: "C": must be at most 63 lower-case letters, digits or '-', since it is the value of a label`,
		}},
		{"one name in two files", map[string]string{"a.yaml": named("web"), "b.json": named("web"), "c.yml": named("web")}, []string{
			`policy file %s/b.json: metadata.name: the policy "web" is in a.yaml already; give each its own name`,
			`policy file %s/c.yml: metadata.name: the policy "web" is in a.yaml already; give each its own name`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, data := range tt.files {
				write(t, dir, name, data)
			}
			policies, err := LoadDir(dir)
			var want []string
			for _, sentence := range tt.want {
				want = append(want, fmt.Sprintf(sentence, dir))
			}
			if diff := cmp.Diff(want, mistakes(err)); diff != "" || policies != nil {
				t.Errorf("mistakes, %d policies (-want +got):\n%s", len(policies), diff)
			}
		})
	}
}

func TestADirectoryThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "absent")
	_, err := LoadDir(dir)
	if want := "reading the policy directory: open " + dir + ": no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAFileIsNamedInItsError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, "web.yaml", file("enforcement: Never"))
	for _, tt := range []struct{ name, path, want string }{
		{"a mistake", path, "policy file " + path + ": line 6: spec.enforcement: Unsupported value: \"Never\": supported values: \"Deny\", \"Warn\""},
		{"no file", path + "x", "reading a policy: open " + path + "x: no such file or directory"},
		{"a directory", dir, "reading a policy: read " + dir + ": is a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if p, err := LoadFile(tt.path); p != nil || err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	p, err := LoadFile(write(t, dir, "good.yaml", file("helpers: {}")))
	if err != nil || p.Name != "web" {
		t.Errorf("a good file: %v", err)
	}
}

func TestTheHashIsOfWhatThePolicyMeans(t *testing.T) {
	t.Parallel()
	one := gitPoller("options:", "  period: {min: 30s, max: 5m}", "  repo: {allow: [https://github.com/*]}")
	hash := func(data string) string { return mustParse(t, data).Hash }
	for name, other := range map[string]string{
		"the same file":        one,
		"comments":             "# a comment\n" + strings.ReplaceAll(one, "helpers:", "helpers: # more"),
		"the order of keys":    gitPoller("options:", "  repo: {allow: [https://github.com/*]}", "  period: {max: 5m, min: 30s}"),
		"quotes":               strings.NewReplacer("30s", `"30s"`, "web", `'web'`).Replace(one),
		"another style":        gitPoller("options:", "  period:", "    min: 30s", "    max: 5m", "  repo:", "    allow:", "    - https://github.com/*"),
		"line ends":            strings.ReplaceAll(one, "\n", "\r\n"),
		"defaults of the file": one + strings.Join([]string{"  enforcement: Deny", "  hostNetwork: Deny", "  image: " + DefaultImage, "  pullPolicy: IfNotPresent", "  runAsUser: 65532", "  runAsGroup: 65532", "  runtimeClasses: {gvisor: [gvisor, runsc], deny: []}", "  limits: {}", ""}, "\n"),
		"defaults of the helper": one + strings.Join([]string{
			"      image: " + DefaultImage, "      pullPolicy: IfNotPresent", "      volumeSizeLimit: 4Gi", "      runAsUser: 65532", "      runAsGroup: '65532'",
			"      resources: {requests: {cpu: 0.01, memory: 32Mi}, limits: {cpu: 500m, memory: 0.25Gi}}", "",
		}, "\n"),
	} {
		t.Run("it does not depend on "+name, func(t *testing.T) {
			t.Parallel()
			if got, want := hash(other), hash(one); got != want {
				t.Errorf("got %s, want %s for\n%s", got, want, other)
			}
		})
	}
	for name, other := range map[string]string{
		"the name":               strings.Replace(one, "name: web", "name: api", 1),
		"a bound":                strings.Replace(one, "30s", "31s", 1),
		"a pattern":              strings.Replace(one, "github.com", "gitlab.com", 1),
		"a rule":                 strings.Replace(one, ", max: 5m", "", 1),
		"a helper":               one + "    date-writer: {}\n",
		"the host's network":     one + "  hostNetwork: Allow\n",
		"an image":               one + "  image: registry.example/helper:v2\n",
		"the pull policy":        one + "  pullPolicy: Always\n",
		"the user":               one + "  runAsUser: 1000\n",
		"the group":              one + "  runAsGroup: FromNamespace\n",
		"the enforcement":        one + "  enforcement: Warn\n",
		"no class of gVisor":     one + "  runtimeClasses: {gvisor: []}\n",
		"a denied class":         one + "  runtimeClasses: {deny: [kata]}\n",
		"a limit":                one + "  limits: {helpersPerPod: 3}\n",
		"a pull secret":          one + "  imagePullSecrets: [mirror]\n",
		"the size of a volume":   one + "      volumeSizeLimit: 5Gi\n",
		"the resources":          one + "      resources: {requests: {cpu: 11m, memory: 32Mi}, limits: {cpu: 500m, memory: 256Mi}}\n",
		"a helper's pull policy": one + "      pullPolicy: Always\n",
	} {
		t.Run("it depends on "+name, func(t *testing.T) {
			t.Parallel()
			if hash(other) == hash(one) {
				t.Errorf("the hash is the same for\n%s", other)
			}
		})
	}
	if form := regexp.MustCompile(`^sha256:[0-9a-f]{12}$`); !form.MatchString(hash(one)) {
		t.Errorf("the hash is %s", hash(one))
	}
}
