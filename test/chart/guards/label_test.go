// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// as is a client for somebody who may do everything with namespaces, as far as RBAC goes.
func as(t *testing.T, user string, groups ...string) kubernetes.Interface {
	t.Helper()
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "all-for-" + user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
	}
	if _, err := clients.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	config := unlimited(plane.Config())
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	await(t, user+" to have rights", func() bool {
		_, err := c.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{Limit: 1})
		return err == nil
	})
	return c
}

// patch gives a namespace a label, or takes it away (null), through a subresource or "".
func patch(t *testing.T, c kubernetes.Interface, ns, value, subresource string) error {
	t.Helper()
	var sub []string
	if subresource != "" {
		sub = []string{subresource}
	}
	body := `{"metadata":{"labels":{"pillion.dev/policy":` + value + `}}}`
	_, err := c.CoreV1().Namespaces().Patch(t.Context(), ns, types.MergePatchType, []byte(body), metav1.PatchOptions{}, sub...)
	return err
}

func TestOnlyTheGroupsOfTheLabelGuardChooseANamespacesPolicy(t *testing.T) {
	web := newNamespace(t, map[string]string{"pillion.dev/policy": "web"})
	none := newNamespace(t, nil)
	tenant, platform := as(t, "tenant", "tenants"), as(t, "platform", "tenants", mayLabel)
	const who = `pillion: only members of system:masters, plat"form\team's may set, change or remove the label pillion.dev/policy of a namespace, and tenant is none `
	for _, c := range []struct{ name, ns, value, subresource, want string }{
		{"set", none, `"web"`, "", who + `(it is not set, and would be "web")`},
		{"set to nothing", none, `""`, "", who + `(it is not set, and would be "")`},
		{"changed", web, `"lax"`, "", who + `(it is "web", and would be "lax")`},
		{"removed", web, `null`, "", who + `(it is "web", and would be not set)`},
		{"set through the status", none, `"web"`, "status", who + `(it is not set, and would be "web")`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := patch(t, tenant, c.ns, c.value, c.subresource)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("a tenant: %v\nwant %s", err, c.want)
			}
			if err := patch(t, platform, c.ns, c.value, c.subresource); err != nil {
				t.Errorf("the platform team: %v", err)
			}
			back := `null`
			if c.ns == web {
				back = `"web"`
			}
			if err := patch(t, platform, c.ns, back, ""); err != nil {
				t.Errorf("the platform team, back again: %v", err)
			}
		})
	}
	if err := finalize(t, tenant, none); err == nil || !strings.Contains(err.Error(), who) {
		t.Errorf("through finalize: %v", err)
	}
}

// finalize sets the label by a PUT to namespaces/finalize.
func finalize(t *testing.T, c kubernetes.Interface, name string) error {
	t.Helper()
	ns, err := c.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ns.Labels["pillion.dev/policy"] = "web"
	_, err = c.CoreV1().Namespaces().Finalize(t.Context(), ns, metav1.UpdateOptions{})
	return err
}

func TestTheLabelGuardLeavesEverythingElseAlone(t *testing.T) {
	web := newNamespace(t, map[string]string{"pillion.dev/policy": "web"})
	tenant := as(t, "tenant", "tenants")
	create := func(c kubernetes.Interface, name string, labels map[string]string) error {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
		_, err := c.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
		return err
	}
	if err := create(tenant, "tenant-1", map[string]string{"team": "shop"}); err != nil {
		t.Errorf("a namespace without the label: %v", err)
	}
	if err := create(tenant, "tenant-2", map[string]string{"pillion.dev/policy": "web"}); !isGuard(err) {
		t.Errorf("a namespace that is born with the label: %v", err)
	}
	if err := create(as(t, "platform", mayLabel), "tenant-2", map[string]string{"pillion.dev/policy": "web"}); err != nil {
		t.Errorf("born by the platform team: %v", err)
	}
	body := `{"metadata":{"labels":{"team":"shop","pillion.dev/policy":"web"},"annotations":{"a":"b"}}}`
	if _, err := tenant.CoreV1().Namespaces().Patch(t.Context(), web, types.MergePatchType, []byte(body), metav1.PatchOptions{}); err != nil {
		t.Errorf("another label, and ours as it is: %v", err)
	}
	if err := tenant.CoreV1().Namespaces().Delete(t.Context(), web, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "the namespace to be gone, which its finalizer has to be taken off for", func() bool {
		_, err := clients.CoreV1().Namespaces().Get(t.Context(), web, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}
