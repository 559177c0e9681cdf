// SPDX-License-Identifier: Apache-2.0

package helperimport

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject/helpers/defined"
)

var update = flag.Bool("update", false, "write the golden files")

func TestDefinitionsOfContainersOfOthers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var first string
			for range 5 { // the same each time
				tmpl, err := Read(data)
				if err != nil {
					t.Fatal(err)
				}
				d, notes, err := tmpl.Definition(tmpl.Names()[0])
				if err != nil {
					t.Fatal(err)
				}
				text, err := Write(d)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := defined.Parse(text); err != nil {
					t.Errorf("what was made is no definition: %v\n%s", err, text)
				}
				got := string(text) + "# " + strings.Join(notes, "\n# ") + "\n"
				if first == "" {
					first = got
				}
				if got != first {
					t.Fatalf("two answers (-first +got):\n%s", cmp.Diff(first, got))
				}
			}
			golden := strings.Replace(file, ".in.yaml", ".want.yaml", 1)
			if *update {
				if err := os.WriteFile(golden, []byte(first), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), first); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesWithoutAContainer(t *testing.T) {
	t.Parallel()
	const none = "has no container: it must be a container, a pod or workload, a SidecarSet, or a configuration (or the ConfigMap of one) with containers"
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":                   {"", none},
		"a list":                    {"[a]", "is not YAML: "},
		"no YAML":                   {"a: b: c", "is not YAML: "},
		"another object":            {"{kind: Service, spec: {ports: []}}", none},
		"a ConfigMap of other data": {"{kind: ConfigMap, data: {a: b, c: '[', d: '{x: 1}'}}", none},
		"containers that are none":  {"containers: web", "is not what it seems to be: "},
		"an empty list":             {"containers: []", "has no container"},
		"a SidecarSet of nothing":   {"{kind: SidecarSet, spec: {}}", "has no container"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Read([]byte(tt.text)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	tmpl, err := Read([]byte("containers: [{name: a, image: b}]"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := tmpl.Definition("web"); err == nil || err.Error() != `there is no container "web"; the containers are a` {
		t.Error(err)
	}
}
