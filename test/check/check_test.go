// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata; read the difference")

// scenario is an installation with something broken in it, and the file of testdata that has
// what is said of it.
type scenario struct {
	name   string
	file   string
	code   int // exit code
	breaks func(*testing.T)
	args   []string
}

func scenarios() []scenario {
	return []scenario{
		{"a healthy installation", "healthy", 0, func(*testing.T) {}, nil},
		{"no webhook configuration", "no-configuration", 1, noConfiguration, nil},
		{"another namespace than that of the installation", "other-namespace", 1, func(*testing.T) {}, []string{"-n", "shop"}},
		{"cainjector has not filled in caBundle", "empty-ca-bundle", 1, emptyCABundle, nil},
		{"caBundle is that of another authority", "other-ca", 1, otherCA, nil},
		{"a roll of the authority, with two in caBundle", "two-cas", 0, twoCAs, nil},
		{"the certificate has expired", "expired", 1, func(t *testing.T) { otherCertificate(t, host, 2021) }, nil},
		{"the certificate is for another name", "other-name", 1, func(t *testing.T) { otherCertificate(t, "webhook.example.com", 2100) }, nil},
		{"the authority's Secret is gone, and all that follows from it", "authority-gone", 1, authorityGone, nil},
		{"the configuration names a Certificate that is not there", "no-certificate", 0, noCertificate, nil},
		{"no Service", "no-service", 1, noService, nil},
		{"the Deployment is scaled to 0", "scaled-to-0", 1, scaledToNothing, nil},
		{"a rollout whose new replica does not start", "stuck-rollout", 1, stuckRollout, nil},
		{"nothing listens at the endpoints", "connection-refused", 1, connectionRefused, nil},
		{"a namespace names a policy that does not exist", "unknown-policy", 0, unknownPolicy, nil},
		{"a later webhook strips restartPolicy", "stripped", 1, stripped, nil},
		{"two entries take the same namespaces", "overlap", 1, overlap, nil},
		{"failurePolicy is Ignore", "ignore", 0, ignore, nil},
		{"failurePolicy is Ignore, and the final-state guard is in force", "ignore-guarded", 0, func(t *testing.T) { ignore(t); guard(t) }, nil},
		{"AKS has added to all selectors", "aks", 0, aks, nil},
		{"a PodDisruptionBudget blocks drains", "budget", 0, budget, nil},
		{"a person who may read all but Secrets, and make nothing", "jill", 2, reader, []string{"--as", "jill"}},
		{"a person who may read little", "jane", 2, func(*testing.T) {}, []string{"--as", "jane"}},
	}
}

func TestWhatIsSaidOfInstallations(t *testing.T) { // one after another: they break the same installation
	patience := 3 * time.Minute
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			s.breaks(t)
			golden := filepath.Join("testdata", s.file+".txt")
			if *update {
				s.write(t, golden)
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			var text string
			var code int
			// The API server hears of changes some time after they were written down.
			for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
				text, code = check(t, s.args...)
				if plain(text) == string(want) && code == s.code || time.Now().After(deadline) {
					break
				}
			}
			if diff := cmp.Diff(string(want), plain(text)); diff != "" || code != s.code {
				patience = 10 * time.Second // what is wrong with one is often wrong with all
				t.Errorf("exit code %d, want %d; the text (-want +got):\n%s", code, s.code, diff)
			}
		})
	}
}

func (s *scenario) write(t *testing.T, golden string) {
	time.Sleep(3 * time.Second) // nothing tells that the API server has heard of everything
	text, _ := check(t, s.args...)
	if err := os.WriteFile(golden, []byte(plain(text)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// plain leaves out what differs from run to run.
func plain(text string) string {
	text = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+:\d+`).ReplaceAllString(text, "ADDRESS")
	return regexp.MustCompile(`current time \S+`).ReplaceAllString(text, "current time NOW")
}

func TestNoFileOfTestdataIsLeftOver(t *testing.T) {
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.ContainsFunc(scenarios(), func(s scenario) bool { return s.file+".txt" == f.Name() }) {
			t.Errorf("no scenario reads %s", f.Name())
		}
	}
}

func TestScriptsReadAList(t *testing.T) {
	text, code := check(t, "-o", "json")
	var list []map[string]string
	if err := json.Unmarshal([]byte(text), &list); err != nil || code != 0 {
		t.Fatalf("code %d, %v:\n%s", code, err, text)
	}
	var names []string
	for _, one := range list {
		if !slices.Contains([]string{"ok", "warning", "failed", "skipped"}, one["result"]) || one["message"] == "" {
			t.Errorf("got %v", one)
		}
		names = append(names, one["name"])
	}
	want := "api-server nodes configuration entries settings warnings namespaces service cert-manager secret ca-bundle replicas endpoints served-certificate disruption-budget pods permissions"
	if diff := cmp.Diff(want, strings.Join(names, " ")); diff != "" {
		t.Errorf("the links (-want +got):\n%s", diff)
	}
}

func TestAClusterThatDoesNotAnswer(t *testing.T) {
	text, code := check(t, "--server", "https://127.0.0.1:1")
	if code != 2 || !strings.HasPrefix(text, "error: the API server https://127.0.0.1:1 (context envtest) cannot be reached: ") {
		t.Errorf("code %d:\n%s", code, text)
	}
}
