// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pillion-dev/pillion/internal/renewal"
)

func TestTheFirstRunMakesWhatTheAPIServerTrusts(t *testing.T) {
	t.Parallel()
	in := install(t, "first", 0)
	var err error
	await(t, "the API server to call the entries", func() bool {
		_, err = dryRun(t, in.ns)
		return err != nil
	})
	if !apierrors.IsInternalError(err) {
		t.Errorf("without a certificate the error is %v, want an internal one", err)
	}
	start := time.Now()
	in.run(nil)
	t.Logf("the run took %s", time.Since(start))
	in.awaitInjection()
	if diff := cmp.Diff([]int{1, 1}, in.trusted()); diff != "" {
		t.Errorf("certificates in the entries (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"since", "tls.crt", "tls.key"}, in.keys()); diff != "" {
		t.Errorf("keys of the Secret (-want +got):\n%s", diff)
	}
}

// keys are those of the Secret.
func (in *installation) keys() []string {
	in.Helper()
	s, err := clients.CoreV1().Secrets(in.ns).Get(in.Context(), in.secret, metav1.GetOptions{})
	if err != nil {
		in.Fatal(err)
	}
	return slices.Sorted(maps.Keys(s.Data))
}

func TestNoPodNoticesARenewal(t *testing.T) { // alone: it wants the machine for its load
	in := install(t, "renewal", 500*time.Millisecond, 4*time.Second)
	in.run(nil)
	in.awaitInjection()
	stop := in.load()
	for range 3 {
		in.ask()
		in.run(nil)
		in.awaitServed()
		in.run(func(o *renewal.Options) { o.Overlap = 0 })
		if diff := cmp.Diff([]int{1, 1}, in.trusted()); diff != "" {
			t.Errorf("certificates in the entries (-want +got):\n%s", diff)
		}
	}
	created, bare, errs := stop()
	t.Logf("%d pods were created", created)
	if bare != 0 || len(errs) != 0 || created < 50 {
		t.Errorf("of %d pods, %d got no helper, and these errors came back: %v", created, bare, errs)
	}
}

// What the test above would see if there were no overlap.
func TestTrustThatIsDroppedTooEarlyIsNoticed(t *testing.T) { // alone: it wants the machine for its load
	in := install(t, "early", 0, 10*time.Second) // in which the API server has to hear of two changes
	in.run(nil)
	in.awaitInjection()
	stop := in.load()
	in.ask()
	in.run(func(o *renewal.Options) { o.Overlap = 0 })
	in.run(func(o *renewal.Options) { o.Overlap = 0 })
	in.awaitServed()
	created, _, errs := stop()
	if !strings.Contains(fmt.Sprint(errs), "x509: certificate signed by unknown authority") {
		t.Errorf("of %d pods none was denied for an unknown certificate: %v", created, errs)
	}
	in.awaitInjection()
}

func TestARunThatDiesIsContinuedAndNoPodNotices(t *testing.T) { // alone: it wants the machine for its load
	in := install(t, "crash", 0, 2*time.Second)
	in.run(nil)
	in.awaitInjection()
	stop := in.load()
	for writes := range 4 {
		for _, arrives := range []bool{false, true} {
			in.ask()
			o := in.options()
			left := writes
			o.Cluster = dying{in.cluster, &left, arrives}
			// Three writes bring a roll to its end: next pair, trust, handing over.
			if err := renewal.Run(t.Context(), o); writes < 3 && !errors.Is(err, errHere) {
				t.Fatalf("after %d writes the error is %v, want that of a process that died", writes, err)
			}
			in.run(nil)
			in.awaitServed()
			in.run(func(o *renewal.Options) { o.Overlap = 0 })
			if diff := cmp.Diff([]string{"since", "tls.crt", "tls.key"}, in.keys()); diff != "" {
				t.Errorf("keys of the Secret after %d writes (-want +got):\n%s", writes, diff)
			}
		}
	}
	created, bare, errs := stop()
	t.Logf("%d pods were created", created)
	if bare != 0 || len(errs) != 0 || created < 50 {
		t.Errorf("of %d pods, %d got no helper, and these errors came back: %v", created, bare, errs)
	}
}

var errHere = errors.New("the process dies here")

// dying is a cluster in which the process dies at a write; the write arrives or does not.
type dying struct {
	renewal.Cluster
	writes  *int // until then
	arrives bool
}

func (d dying) Trust(ctx context.Context, c renewal.Configuration, bundle []byte) error {
	return d.write(func() error { return d.Cluster.Trust(ctx, c, bundle) })
}

func (d dying) Change(ctx context.Context, s renewal.Secret, keys map[string][]byte) error {
	return d.write(func() error { return d.Cluster.Change(ctx, s, keys) })
}

func (d dying) write(do func() error) error {
	if *d.writes--; *d.writes >= 0 {
		return do()
	}
	if d.arrives {
		return errors.Join(do(), errHere)
	}
	return errHere
}

// An installer that applies its objects again, more or fewer of them, takes nothing away
// and meets no conflict. Helm 4 applies on the server, Helm 3 as kubectl does by itself.
func TestApplyingAReleaseAgainTakesNoTrustAway(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"server": {"--server-side", "--field-manager=helm"}, "client": nil} {
		t.Run(name+"-side", func(t *testing.T) {
			t.Parallel()
			in := install(t, "apply-"+name, 0)
			if _, _, err := plane.Kubectl(t.Context(), "", "delete", "mutatingwebhookconfiguration", in.configuration); err != nil {
				t.Fatal(err)
			}
			if _, _, err := plane.Kubectl(t.Context(), "", "delete", "secret", "-n", in.ns, in.secret); err != nil {
				t.Fatal(err)
			}
			in.apply = args
			in.empty()
			in.entries("a", "b")
			in.run(nil)
			in.awaitInjection()

			in.empty()
			in.entries("new", "a", "b")
			if diff := cmp.Diff([]int{0, 1, 1}, in.trusted()); diff != "" {
				t.Errorf("with one more entry (-want +got):\n%s", diff)
			}
			in.run(nil)
			if diff := cmp.Diff([]int{1, 1, 1}, in.trusted()); diff != "" {
				t.Errorf("after the run (-want +got):\n%s", diff)
			}
			in.entries("a")
			if diff := cmp.Diff([]int{1}, in.trusted()); diff != "" {
				t.Errorf("with two entries fewer (-want +got):\n%s", diff)
			}
			in.awaitInjection()
		})
	}
}

// rightsOfARun are commands and how they are denied; "" is for those that are not.
var rightsOfARun = map[string]string{
	"get secret -n pillion-system pillion-webhook-certificate":         "",
	"patch secret -n pillion-system pillion-webhook-certificate -p {}": "",
	"get mutatingwebhookconfiguration pillion":                         "",
	"patch mutatingwebhookconfiguration pillion -p {}":                 "",
	"get validatingwebhookconfiguration pillion":                       "",
	"patch validatingwebhookconfiguration pillion -p {}":               "",
	"get secret -n pillion-system other":                               `cannot get resource "secrets"`,
	"get secrets -n pillion-system":                                    `cannot list resource "secrets"`,
	"get secret -n default pillion-webhook-certificate":                `cannot get resource "secrets"`,
	"delete secret -n pillion-system pillion-webhook-certificate":      `cannot delete resource "secrets"`,
	"create secret generic -n pillion-system more":                     `cannot create resource "secrets"`,
	"get mutatingwebhookconfigurations":                                `cannot list resource "mutatingwebhookconfigurations"`,
	"patch mutatingwebhookconfiguration other -p {}":                   `cannot get resource "mutatingwebhookconfigurations"`,
	"delete mutatingwebhookconfiguration pillion":                      `cannot delete resource "mutatingwebhookconfigurations"`,
	"get pods -A":                                    `cannot list resource "pods"`,
	"get configmaps -n pillion-system":               `cannot list resource "configmaps"`,
	"create token -n pillion-system pillion-webhook": `cannot create resource "serviceaccounts/token"`,
	"patch clusterrole pillion-certificates -p {}":   `cannot get resource "clusterroles"`,
}

// As a run of config/certificates: what it may do, and nothing else.
func TestTheRightsOfARun(t *testing.T) {
	t.Parallel()
	const account = "system:serviceaccount:pillion-system:pillion-certificates"
	if err := plane.Namespace(t.Context(), "pillion-system", nil); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	objects, err := plane.Manifests(t.Context(), "config/certificates")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if !slices.Contains([]string{"Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}, o.GetKind()) {
			continue
		}
		manifest, err := json.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := plane.Kubectl(t.Context(), string(manifest), "apply", "-f", "-"); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the API server to know the rights of a run", func() bool {
		for command, want := range rightsOfARun {
			if want != "" {
				continue
			}
			if _, _, err := plane.Kubectl(t.Context(), "", append(strings.Fields(command), "--as="+account)...); err != nil {
				return false
			}
		}
		return true
	})
	for command, want := range rightsOfARun {
		_, _, err := plane.Kubectl(t.Context(), "", append(strings.Fields(command), "--as="+account)...)
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
			t.Errorf("kubectl %s: the error is %v, want %q", command, err, want)
		}
	}
	list, _, err := plane.Kubectl(t.Context(), "", "auth", "can-i", "--list", "-n", "pillion-system", "--as="+account, "--no-headers")
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for line := range strings.Lines(list) {
		if strings.Contains(line, "pillion") {
			own = append(own, strings.Join(strings.Fields(line), " "))
		}
	}
	slices.Sort(own)
	want := []string{
		"mutatingwebhookconfigurations.admissionregistration.k8s.io [] [pillion] [get patch]",
		"secrets [] [pillion-webhook-certificate] [get patch]",
		"validatingwebhookconfigurations.admissionregistration.k8s.io [] [pillion] [get patch]",
	}
	if diff := cmp.Diff(want, own); diff != "" {
		t.Errorf("rights beyond those of every account (-want +got):\n%s", diff)
	}
}
