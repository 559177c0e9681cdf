// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/policy"
)

// The reviews that are measured.
func benchReviews(b testing.TB) map[string][]byte {
	b.Helper()
	const asks = `"git-poller.pillion.dev/repo":"https://github.com/acme/site.git","git-poller.pillion.dev/mount-path":"/usr/share/nginx/html"`
	small := benchPod(asks, 1, 0, 2200)
	out, err := Inject(testInjector, policy.Builtin(), []byte(small), Template{})
	if err != nil || out.Result != reason.Injected {
		b.Fatalf("%v: %s", err, out.Message())
	}
	return map[string][]byte{
		"small":         reviewOf(small),
		"containers=20": reviewOf(benchPod(asks, 20, 33, 5000)),
		"nothing-asked": reviewOf(benchPod(`"example.com/team":"web"`, 1, 0, 2200)),
		"already-there": reviewOf(out.Patched),
	}
}

// benchPod is a pod as a ReplicaSet's controller makes it.
func benchPod(annotations string, containers, env, managedFields int) string {
	var list []string
	for i := range containers {
		var vars []string
		for j := range env {
			vars = append(vars, fmt.Sprintf(`{"name":"SETTING_%02d","value":"https://service-%02d.example"}`, j, j))
		}
		list = append(list, fmt.Sprintf(`{"name":"app-%d","image":"registry.example/acme/app:v1.2.3","command":["/app","--listen=:8080"],"env":[%s],`+
			`"ports":[{"containerPort":%d,"protocol":"TCP"}],"resources":{"limits":{"cpu":"500m","memory":"256Mi"},"requests":{"cpu":"100m","memory":"128Mi"}},`+
			`"livenessProbe":{"httpGet":{"path":"/healthz","port":8080,"scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},`+
			`"volumeMounts":[{"name":"kube-api-access-abcde","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}],`+
			`"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}`, i, strings.Join(vars, ","), 8080+i))
	}
	var fields []string
	for i := 0; i*26 < managedFields; i++ {
		fields = append(fields, fmt.Sprintf(`"f:some-field-%04d":{}`, i))
	}
	return fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"generateName":"web-7d4b9c8f5d-","namespace":"site","creationTimestamp":null,`+
		`"labels":{"app":"web","pod-template-hash":"7d4b9c8f5d"},"annotations":{%s},`+
		`"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-7d4b9c8f5d","uid":"0b5ac27a-1c63-4dd2-b0b9-0c4ea5b0a6b7","controller":true,"blockOwnerDeletion":true}],`+
		`"managedFields":[{"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{%s}}}]},`+
		`"spec":{"volumes":[{"name":"kube-api-access-abcde","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},`+
		`{"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}}],"defaultMode":420}}],"containers":[%s],`+
		`"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"default","serviceAccount":"default","securityContext":{},`+
		`"schedulerName":"default-scheduler","tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}],"priority":0,`+
		`"enableServiceLinks":true,"preemptionPolicy":"PreemptLowerPriority"},"status":{}}`, annotations, strings.Join(fields, ","), strings.Join(list, ","))
}

// BenchmarkReview is the whole way of one request through the handler, which has seen the
// review before.
func BenchmarkReview(b *testing.B) {
	for name, body := range benchReviews(b) {
		b.Run(name, func(b *testing.B) { benchServe(b, podHandler(), body) })
	}
}

// BenchmarkFirst is the same with a handler that remembers nothing.
func BenchmarkFirst(b *testing.B) {
	for name, body := range benchReviews(b) {
		handler := podHandler()
		handler.replicas = nil
		b.Run(name, func(b *testing.B) { benchServe(b, handler, body) })
	}
}

// BenchmarkOnce is the worst case of what is remembered: each pod is of another template.
func BenchmarkOnce(b *testing.B) {
	for name, body := range benchReviews(b) {
		number := 0
		differ := func() {
			number++
			for at := 0; ; at += len("7d4b9c8f5d") {
				i := bytes.Index(body[at:], []byte(`"web-`))
				if i < 0 {
					return
				}
				at += i + len(`"web-`)
				copy(body[at:], fmt.Sprintf("%010d", number))
			}
		}
		b.Run(name, func(b *testing.B) { benchServe(b, podHandler(), body, differ) })
	}
}

// BenchmarkFixedReply is the floor: a handler that reads the body and answers a review
// that was made before.
func BenchmarkFixedReply(b *testing.B) {
	for name, body := range benchReviews(b) {
		e := builtinEdge()
		reply := e.post("/inject/default", body).Body.Bytes()
		mux := http.NewServeMux()
		mux.HandleFunc("POST /inject/{policy}", func(w http.ResponseWriter, r *http.Request) {
			if _, err := readBody(r, nil); err != nil {
				b.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(reply)
		})
		b.Run(name, func(b *testing.B) { benchServe(b, mux, body) })
	}
}

func benchServe(b *testing.B, handler http.Handler, body []byte, before ...func()) {
	b.Helper()
	reader := bytes.NewReader(body)
	r := httptest.NewRequest(http.MethodPost, "/inject/default", nil)
	r.SetPathValue("policy", "default")
	r.Header.Set("Content-Type", "application/json")
	r.Body, r.ContentLength = io.NopCloser(reader), int64(len(body))
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		for _, do := range before {
			do()
		}
		reader.Reset(body)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
	b.ReportMetric(float64(len(body)), "body-bytes")
}
