// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// apiServer lists one pod and plays watches: each is a list of events, behind which it ends.
type apiServer struct {
	mutex   sync.Mutex
	watches [][]string
	calls   []string
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Query().Get("watch") == "" {
		a.calls = append(a.calls, "list")
		fmt.Fprint(w, `{"metadata": {"resourceVersion": "5"}, "items": [{"metadata": {"name": "first"}}]}`)
		return
	}
	a.calls = append(a.calls, "watch from "+r.URL.Query().Get("resourceVersion"))
	if len(a.watches) == 0 {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "no more"}`)
		return
	}
	for _, event := range a.watches[0] {
		fmt.Fprintln(w, event)
	}
	a.watches = a.watches[1:]
}

func TestFollowPods(t *testing.T) {
	t.Parallel()
	event := func(kind, name, version string) string {
		return fmt.Sprintf(`{"type": %q, "object": {"metadata": {"name": %q, "resourceVersion": %q}}}`, kind, name, version)
	}
	for name, c := range map[string]struct {
		watches     [][]string
		calls, told []string
	}{
		"a watch that ends is taken up where it ended": {
			[][]string{{event("ADDED", "second", "6"), event("BOOKMARK", "", "9")}, {event("DELETED", "second", "10")}},
			[]string{"list", "watch from 5", "watch from 9", "watch from 10"},
			[]string{"all: first", "second", "gone: second"},
		},
		"what is too old is listed again": {
			[][]string{{event("MODIFIED", "first", "6"), `{"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}`}},
			[]string{"list", "watch from 5", "list", "watch from 5"},
			[]string{"all: first", "first", "all: first"},
		},
		"a watch that is cut off is begun again": {
			[][]string{{`{"type": "ADDED", "obj`}},
			[]string{"list", "watch from 5", "list", "watch from 5"},
			[]string{"all: first", "all: first"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &apiServer{watches: c.watches}
			server := httptest.NewServer(a)
			defer server.Close()
			client, err := New(&rest.Config{Host: server.URL}, "shop")
			if err != nil {
				t.Fatal(err)
			}
			var told []string
			say := func(prefix string, raw json.RawMessage) error {
				var o metav1.PartialObjectMetadata
				err := json.Unmarshal(raw, &o)
				told = append(told, prefix+o.Name)
				return err
			}
			err = client.FollowPods(t.Context(), "shop", "", Follower{
				Listed: func(all []json.RawMessage) error { return say("all: ", all[0]) },
				Changed: func(raw json.RawMessage, gone bool) error {
					return say(map[bool]string{true: "gone: "}[gone], raw)
				},
			})
			if err == nil || err.Error() != "watching pods: no more" {
				t.Errorf("the error is %v", err)
			}
			if diff := cmp.Diff(c.calls, a.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.told, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFollowPodsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&apiServer{watches: [][]string{{}}})
	defer server.Close()
	client, err := New(&rest.Config{Host: server.URL}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = client.FollowPods(ctx, "", "", Follower{Listed: func([]json.RawMessage) error { cancel(); return nil }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}
