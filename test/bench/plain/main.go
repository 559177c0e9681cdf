// SPDX-License-Identifier: Apache-2.0

// Command plain is the injector that a team writes for itself: net/http and encoding/json,
// of a review no more decoded than is needed, and a patch written from a template. What it
// appends is the same in all pods, so it decides and checks nothing, logs nothing and counts
// nothing.
//
//	plain CERT-DIR SIDECAR-FILE
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/pillion-dev/pillion/test/bench/tlsserver"
)

// sidecar is what is appended to each pod that has the annotation Asks, unless it is there.
// It is the SIDECAR-FILE.
type sidecar struct {
	Asks        string
	Annotations map[string]string
	Container   json.RawMessage
	Volumes     []json.RawMessage
	Mount       json.RawMessage // in all containers

	name string // of the container
}

// review is what is read of an AdmissionReview.
type review struct {
	Request struct {
		UID    string `json:"uid"`
		Object struct {
			Metadata struct {
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
			Spec struct {
				InitContainers []named           `json:"initContainers"`
				Containers     []named           `json:"containers"`
				Volumes        []json.RawMessage `json:"volumes"`
			} `json:"spec"`
		} `json:"object"`
	} `json:"request"`
}

type named struct {
	Name         string            `json:"name"`
	VolumeMounts []json.RawMessage `json:"volumeMounts"`
}

// response is an AdmissionReview that admits.
type response struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Response   struct {
		UID       string `json:"uid"`
		Allowed   bool   `json:"allowed"`
		Patch     []byte `json:"patch,omitempty"`
		PatchType string `json:"patchType,omitempty"`
	} `json:"response"`
}

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: plain CERT-DIR SIDECAR-FILE")
		os.Exit(2)
	}
	s, err := load(os.Args[2])
	if err == nil {
		err = tlsserver.Serve(os.Args[1], s)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func load(file string) (*sidecar, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s, container := &sidecar{}, named{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := json.Unmarshal(s.Container, &container); err != nil {
		return nil, fmt.Errorf("%s: the container: %w", file, err)
	}
	s.name = container.Name
	return s, nil
}

// ServeHTTP implements [http.Handler].
func (s *sidecar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in review
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := response{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}
	out.Response.UID, out.Response.Allowed = in.Request.UID, true
	if patch := s.patch(&in); len(patch) > 0 {
		text, err := json.Marshal(patch)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		out.Response.Patch, out.Response.PatchType = text, "JSONPatch"
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(&out) // the caller is gone; there is nobody left to tell
}

func (s *sidecar) patch(in *review) (ops []operation) {
	pod := &in.Request.Object
	if pod.Metadata.Annotations[s.Asks] == "" {
		return nil
	}
	add := func(path string, there bool, value any) {
		if there {
			ops = append(ops, operation{"add", path + "/-", value})
		} else {
			ops = append(ops, operation{"add", path, []any{value}})
		}
	}
	for i := range pod.Spec.InitContainers {
		if pod.Spec.InitContainers[i].Name == s.name {
			return nil
		}
	}
	for i := range pod.Spec.Containers {
		add("/spec/containers/"+strconv.Itoa(i)+"/volumeMounts", pod.Spec.Containers[i].VolumeMounts != nil, s.Mount)
	}
	add("/spec/initContainers", pod.Spec.InitContainers != nil, s.Container)
	for i, volume := range s.Volumes {
		add("/spec/volumes", pod.Spec.Volumes != nil || i > 0, volume)
	}
	for key, value := range s.Annotations {
		ops = append(ops, operation{"add", "/metadata/annotations/" + strings.ReplaceAll(key, "/", "~1"), value})
	}
	return ops
}
