// SPDX-License-Identifier: Apache-2.0

// Command naive is a sidecar injector as the guides of controller-runtime teach it: decode
// the pod into its Go type, append, encode it again, and let the library find the
// difference. What it appends is the same in all pods, so it decides and checks nothing.
//
//	naive CERT-DIR SIDECAR-FILE
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/pillion-dev/pillion/test/bench/tlsserver"
)

// sidecar is what is appended to each pod that has the annotation Asks, unless it is
// there: a pod with a container of this name has it. It is the SIDECAR-FILE.
type sidecar struct {
	Asks        string
	Annotations map[string]string
	Container   corev1.Container
	Volumes     []corev1.Volume
	Mount       corev1.VolumeMount // in all containers

	decoder admission.Decoder
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: naive CERT-DIR SIDECAR-FILE")
		os.Exit(2)
	}
	handler, err := webhook(os.Args[2])
	if err == nil {
		err = tlsserver.Serve(os.Args[1], handler)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func webhook(sidecarFile string) (http.Handler, error) {
	// Without a logger, controller-runtime keeps one for each request in memory.
	log.SetLogger(logr.Discard())
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(sidecarFile)
	if err != nil {
		return nil, err
	}
	s := &sidecar{decoder: admission.NewDecoder(scheme)}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", sidecarFile, err)
	}
	const path = "/inject/" // as the controller's own server does it, with metrics for each path
	hook, err := admission.StandaloneWebhook(&admission.Webhook{Handler: s}, admission.StandaloneOptions{MetricsPath: path})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("POST "+path, hook)
	return mux, nil
}

// Handle implements [admission.Handler].
func (s *sidecar) Handle(_ context.Context, request admission.Request) admission.Response {
	var pod corev1.Pod
	if err := s.decoder.Decode(request, &pod); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if pod.Annotations[s.Asks] == "" || s.in(&pod) {
		return admission.Allowed("")
	}
	maps.Copy(pod.Annotations, s.Annotations)
	pod.Spec.InitContainers = append(pod.Spec.InitContainers, s.Container)
	pod.Spec.Volumes = append(pod.Spec.Volumes, s.Volumes...)
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		c.VolumeMounts = append(c.VolumeMounts, s.Mount)
	}
	changed, err := json.Marshal(&pod)
	if err != nil {
		return admission.Errored(http.StatusInternalServerError, err)
	}
	return admission.PatchResponseFromRaw(request.Object.Raw, changed)
}

func (s *sidecar) in(pod *corev1.Pod) bool {
	for i := range pod.Spec.InitContainers {
		if pod.Spec.InitContainers[i].Name == s.Container.Name {
			return true
		}
	}
	return false
}
