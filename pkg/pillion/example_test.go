// SPDX-License-Identifier: Apache-2.0

package pillion_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/pillion-dev/pillion/pkg/pillion"
)

const web = `
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    git-poller.pillion.dev/repo: https://github.com/acme/site.git
    git-poller.pillion.dev/mount-path: /usr/share/nginx/html
spec:
  containers:
  - {name: nginx, image: nginx:1.29}
`

func ExamplePolicy_Decide() {
	decision, err := pillion.Builtin().Decide([]byte(web))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(decision.Result, decision.Reason)
	for _, helper := range decision.Helpers {
		fmt.Printf("%s runs in %s for %s\n", helper.Name, helper.Container, strings.Join(helper.Containers, ", "))
	}
	for _, operation := range decision.Patch {
		fmt.Println(operation.Operation, operation.Path)
	}
	// Output:
	// Injected Requested
	// git-poller runs in pillion-git-poller for nginx
	// add /spec/containers/0/volumeMounts
	// add /spec/initContainers
	// add /spec/volumes
	// add /metadata/annotations/cluster-autoscaler.kubernetes.io~1safe-to-evict-local-volumes
	// add /metadata/annotations/pillion.dev~1status
}

func ExamplePolicy_Decide_denied() {
	decision, err := pillion.Builtin().Decide([]byte(strings.Replace(web, "mount-path", "mountpath", 1)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(decision.Result, decision.Reason)
	fmt.Println(decision.Message)
	// Output:
	// Denied UnknownAnnotation
	// 2 problems with what this pod asks of Pillion:
	//   1. metadata.annotations[git-poller.pillion.dev/mountpath]: Forbidden: git-poller has no option "mountpath"; did you mean "git-poller.pillion.dev/mount-path"?
	//   2. metadata.annotations[git-poller.pillion.dev/mount-path]: Required value: git-poller needs it, such as "/usr/share/nginx/html"
}

func ExampleParse() {
	policies, err := pillion.Parse(
		pillion.File{Name: "web.yaml", Data: []byte(`
apiVersion: pillion.dev/v1alpha1
kind: InjectionPolicy
metadata: {name: web}
spec:
  helpers:
    git-poller:
      options:
        repo: {allow: ["https://github.com/acme/*"]}
`)},
		pillion.File{Name: "none.json", Data: []byte(
			`{"apiVersion": "pillion.dev/v1alpha1", "kind": "InjectionPolicy", "metadata": {"name": "none"}, "spec": {"helpers": {}}}`)},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, policy := range policies {
		decision, err := policy.Decide([]byte(web))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s (%s)\n", policy.Name(), decision.Result, decision.Reason)
	}
	// Output:
	// none: Denied (HelperNotAllowed)
	// web: Injected (Requested)
}

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/pillion/", http.StripPrefix("/pillion", pillion.Handler(pillion.Builtin())))

	review := `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
		"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": "CREATE",
		"kind": {"group": "", "version": "v1", "kind": "Pod"}, "resource": {"group": "", "version": "v1", "resource": "pods"},
		"object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "plain"}, "spec": {"containers": [{"name": "app", "image": "app"}]}}}}`
	request := httptest.NewRequest(http.MethodPost, "/pillion/inject/default", strings.NewReader(review))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, request)
	fmt.Println(answer.Code, strings.Contains(answer.Body.String(), `"allowed":true`))
	// Output:
	// 200 true
}
