// SPDX-License-Identifier: Apache-2.0

package helpers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// aSentence begins with a letter and ends with a full stop, on one line.
var aSentence = regexp.MustCompile(`^[A-Za-z][^\n]*[A-Za-z0-9)]\.$`)

// maxInstance is how long the name of an instance may be.
const maxInstance = 30

func bound(o *option.Option, text string) int64 {
	v, _ := o.Kind.Read(text)
	return v.Number
}

func TestEveryOptionIsDeclaredWell(t *testing.T) {
	t.Parallel()
	for _, h := range Builtin().All() {
		for i := range h.Options {
			o := &h.Options[i]
			t.Run(h.Name+" "+o.Name, func(t *testing.T) {
				t.Parallel()
				if len(validation.IsDNS1123Label(o.Name)) > 0 {
					t.Errorf("the name %q is not one in lower case", o.Name)
				}
				if !aSentence.MatchString(o.Doc) {
					t.Errorf("the doc is not a sentence: %q", o.Doc)
				}
				if o.Kind.Name == "" || o.Kind.Parse == nil {
					t.Fatalf("it is of no kind: %+v", o.Kind)
				}
				if o.Example == "" {
					t.Error("it has no example")
				}
				for what, text := range map[string]string{"default": o.Default, "min": o.Min, "max": o.Max, "example": o.Example} {
					if text == "" {
						continue
					}
					if v, err := o.Parse(text); err != nil || v.Text != text {
						t.Errorf("the %s %q is not the canonical form of a value: %q, %v", what, text, v.Text, err)
					}
				}
				if (o.Kind.Name == "choice") != (len(o.Kind.Choices) > 1) {
					t.Errorf("a %s with the choices %q", o.Kind.Name, o.Kind.Choices)
				}
				if bounded := o.Min != "" && o.Max != ""; bounded != o.Kind.Ordered || bounded != (o.Min != "" || o.Max != "") {
					t.Errorf("a %s with the bounds %q and %q", o.Kind.Name, o.Min, o.Max)
				}
				if o.Required && o.Default != "" {
					t.Error("it is required and has a default")
				}
				if least, most := bound(o, o.Min), bound(o, o.Max); least > most {
					t.Errorf("min %s is above max %s", o.Min, o.Max)
				}
				if h.Option(o.Name) != o {
					t.Error("it is not found by its name: two options share it")
				}
			})
		}
	}
}

func TestEveryHelperIsDeclaredWell(t *testing.T) {
	t.Parallel()
	var names []string
	all := Builtin()
	for _, h := range all.All() {
		names = append(names, h.Name)
		if len(validation.IsDNS1123Label(h.Name)) > 0 || !aSentence.MatchString(h.Doc) || h.Build == nil {
			t.Errorf("%s is not declared well: %q", h.Name, h.Doc)
		}
		if all.Find(h.Name) != h {
			t.Errorf("%s is not found by its name: two helpers share it", h.Name)
		}
		longest := pod.ReservedPrefix + "auth-" + h.Name + "-"
		if len(longest)+maxInstance > validation.DNS1123LabelMaxLength {
			t.Errorf("the longest name of %s has %d bytes", h.Name, len(longest)+maxInstance)
		}
		if h.WrongInstance(strings.Repeat("a", maxInstance+1)) == "" {
			t.Errorf("an instance of %s may be longer than %d bytes", h.Name, maxInstance)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("the helpers are not in alphabetical order: %v", names)
	}
}

func TestTheDocumentedDefaultsAreTheDefaults(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, h := range Builtin().All() {
		for i := range h.Options {
			if h.Options[i].Default != "" {
				got[h.Key("", h.Options[i].Name)] = h.Options[i].Default
			}
		}
	}
	want := map[string]string{ // the blueprint, §3
		"git-poller.pillion.dev/ref": "HEAD", "git-poller.pillion.dev/submodules": "none",
		"git-poller.pillion.dev/mode":         "poll",
		"git-poller.pillion.dev/period":       "1m",
		"git-poller.pillion.dev/depth":        "1",
		"git-poller.pillion.dev/wait":         "true",
		"git-poller.pillion.dev/wait-timeout": "10m",
		"git-poller.pillion.dev/position":     "last",
		"git-poller.pillion.dev/writable":     "false",
		// The issue that added metrics: off, and then on localhost.
		"git-poller.pillion.dev/metrics-address": "localhost",
		// As the issue about notifications asks.
		"git-poller.pillion.dev/notify-method":        "POST",
		"git-poller.pillion.dev/notify-status":        "2xx",
		"config-reloader.pillion.dev/debounce":        "1s",
		"config-reloader.pillion.dev/interval":        "1m",
		"config-reloader.pillion.dev/metrics-address": "localhost",
		"config-reloader.pillion.dev/notify-method":   "POST",
		"config-reloader.pillion.dev/notify-status":   "2xx",
		"date-writer.pillion.dev/file":                "index.html",
		"date-writer.pillion.dev/interval":            "1s",
		"date-writer.pillion.dev/mode":                "append",
		"date-writer.pillion.dev/format":              "unix-date",
		"date-writer.pillion.dev/timezone":            "UTC",
		"date-writer.pillion.dev/max-size":            "1Mi",
		"date-writer.pillion.dev/wait":                "true",
		"start.pillion.dev/timeout":                   "5m",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

// What a kind takes is tested where it is defined.
func TestTheDocumentedKindsAndBoundsAreThose(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, h := range Builtin().All() {
		for i := range h.Options {
			o := &h.Options[i]
			text := o.Kind.Name
			if o.Min != "" {
				text += " " + o.Min + " to " + o.Max
			}
			if len(o.Kind.Choices) > 0 {
				text += fmt.Sprint(" ", o.Kind.Choices)
			}
			got[h.Key("", o.Name)] = text
		}
	}
	want := map[string]string{
		"config-reloader.pillion.dev/containers":      "container names",
		"config-reloader.pillion.dev/debounce":        "duration 100ms to 10m",
		"config-reloader.pillion.dev/interval":        "duration 1s to 24h",
		"config-reloader.pillion.dev/metrics-address": "choice [localhost pod]",
		"config-reloader.pillion.dev/metrics-port":    "integer 1024 to 65535",
		"config-reloader.pillion.dev/notify":          "loopback URL",
		"config-reloader.pillion.dev/notify-method":   "choice [POST PUT PATCH GET HEAD DELETE]",
		"config-reloader.pillion.dev/notify-status":   "HTTP statuses",
		"config-reloader.pillion.dev/signal":          "signal",
		"config-reloader.pillion.dev/watch":           "list of paths",
		"date-writer.pillion.dev/mount-path":          "absolute path",
		"date-writer.pillion.dev/file":                "file name",
		"date-writer.pillion.dev/interval":            "duration 100ms to 24h",
		"date-writer.pillion.dev/mode":                "choice [append replace]",
		"date-writer.pillion.dev/format":              "choice [unix-date rfc3339 rfc1123]",
		"date-writer.pillion.dev/timezone":            "time zone",
		"date-writer.pillion.dev/max-size":            "size 4Ki to 1Gi",
		"date-writer.pillion.dev/containers":          "container names",
		"date-writer.pillion.dev/wait":                "boolean",
		"git-poller.pillion.dev/repo":                 "repository URL",
		"git-poller.pillion.dev/ref":                  "git ref",
		"git-poller.pillion.dev/mount-path":           "absolute path",
		"git-poller.pillion.dev/subdir":               "relative path",
		"git-poller.pillion.dev/containers":           "container names",
		"git-poller.pillion.dev/mode":                 "choice [poll once]",
		"git-poller.pillion.dev/period":               "duration 1s to 24h",
		"git-poller.pillion.dev/depth":                "integer 1 to 1000",
		"git-poller.pillion.dev/submodules":           "choice [none shallow]",
		"git-poller.pillion.dev/secret":               "object name",
		"git-poller.pillion.dev/auth":                 "choice [basic ssh github-app]",
		"git-poller.pillion.dev/ca-configmap":         "object name",
		"git-poller.pillion.dev/wait":                 "boolean",
		"git-poller.pillion.dev/wait-timeout":         "duration 1s to 24h",
		"git-poller.pillion.dev/position":             "choice [last first]",
		"git-poller.pillion.dev/metrics-port":         "integer 1024 to 65535",
		"git-poller.pillion.dev/metrics-address":      "choice [localhost pod]",
		"git-poller.pillion.dev/writable":             "boolean",
		"git-poller.pillion.dev/notify":               "loopback URL",
		"git-poller.pillion.dev/notify-method":        "choice [POST PUT PATCH GET HEAD DELETE]",
		"git-poller.pillion.dev/notify-status":        "HTTP statuses",
		"git-poller.pillion.dev/signal":               "signal",
		"ipc.pillion.dev/shm":                         "size 4Ki to 1Ti",
		"ipc.pillion.dev/mqueue":                      "POSIX queues",
		"ipc.pillion.dev/sysv":                        "System V objects",
		"ipc.pillion.dev/socket":                      "absolute path",
		"ipc.pillion.dev/fifo":                        "named pipes",
		"ipc.pillion.dev/process":                     "boolean",
		"ipc.pillion.dev/hugepages":                   "huge pages",
		"ipc.pillion.dev/sysctls":                     "sysctls",
		"ipc.pillion.dev/gid":                         "integer 1 to 2147483647",
		"ipc.pillion.dev/containers":                  "container names",
		"start.pillion.dev/after":                     "conditions",
		"start.pillion.dev/timeout":                   "duration 1s to 24h",
		"start.pillion.dev/umask":                     "umasks",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

func TestAnOptionIsNotFoundByAnotherName(t *testing.T) {
	t.Parallel()
	if Builtin().Find("git-poller").Option("repository") != nil || Builtin().Find("git") != nil {
		t.Error("something is found that is not there")
	}
}
