// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// read is what [Read] makes of a document that is a pod and no more.
func read(document []byte) (*Pod, string, error) {
	dec := jsonscan.New(document)
	defer dec.Release()
	var key []byte
	pod, _, err := Read(dec, document, &key)
	return pod, string(key), err
}

// FuzzKey reads a pod, and one that differs from it in one text wherever that stands. If they
// have the same key, they have the same view, but for the generated name, also of what is
// kept as JSON.
func FuzzKey(f *testing.F) {
	goldens, err := filepath.Glob("../../admission/testdata/*/pod.yaml")
	if err != nil || len(goldens) == 0 {
		f.Fatalf("no golden pods: %v", err)
	}
	documents := []string{everyField, reservedNames}
	for _, path := range goldens {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		raw, err := yaml.YAMLToJSON(text)
		if err != nil {
			f.Fatal(err)
		}
		documents = append(documents, string(raw))
	}
	changes := [][2]string{
		{"image", "imagE"},
		{`"name":`, `"name":"x","name":`},
		{"nginx", "httpd"},
		{"web", "pillion-web"},
		{"pillion-", "billion-"},
		{"{}", "null"},
		{"{}", `{"a":1}`},
		{"true", "false"},
		{`"readOnly"`, `"claimName"`},
		{"generateName", "name"},
		{"1", "2"},
	}
	for i, document := range documents {
		for j := range changes {
			if i < 2 || (i+j)%4 == 0 {
				f.Add([]byte(document), changes[j][0], changes[j][1])
			}
		}
	}
	f.Fuzz(func(t *testing.T, document []byte, old, text string) {
		if len(document)+bytes.Count(document, []byte(old))*len(text) > 1<<16 {
			return
		}
		p, key, err := read(document)
		other, otherKey, otherErr := read(bytes.ReplaceAll(document, []byte(old), []byte(text)))
		if err != nil || otherErr != nil || key != otherKey {
			return
		}
		p.Metadata.GenerateName, other.Metadata.GenerateName = "", ""
		if diff := cmp.Diff(p, other, cmp.Comparer(func(a, b resource.Quantity) bool { return a.Cmp(b) == 0 })); diff != "" {
			t.Errorf("both have the key\n%s\n(-one +other):\n%s", key, diff)
		}
	})
}

const reservedNames = `{"metadata":{"generateName":"a"},"spec":{"containers":[{"image":"a","name":"pillion-a","args":["1"]},{"image":"b","name":"b"}],` +
	`"volumes":[{"hostPath":{"path":"/"},"name":"pillion-a"},{"hostPath":{"path":"/"},"name":"b"}]}}`

func TestKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ document, want string }{
		"has what is in the view": {
			`{"spec":{"containers":[{"name":"a","command":["b"]}]}}`,
			`{"spec":{"containers":[{"name":"a","command":["b"]}]}}`,
		},
		"lacks what is not in the view": {
			`{"kind":"Pod","metadata":{"name":"a-0","labels":{"b":"c"}},"spec":{"containers":[{"name":"a","image":"b"}],"hostname":"a-0"},"status":{}}`,
			`{"kind","metadata":{"name","labels"},"spec":{"containers":[{"name":"a","image"}],"hostname"},"status"}`,
		},
		"lacks a name that is generated": {
			`{"metadata":{"generateName":"web-1-","annotations":{}}}`,
			`{"metadata":{"generateName","annotations":{}}}`,
		},
		"lacks values of annotations that are not decided on": {
			`{"metadata":{"annotations":{"checksum/config":"1a2b","kubernetes.io/config.mirror":"c","pillion.dev/status":"s","A.Pillion.Dev/x":"y"}}}`,
			`{"metadata":{"annotations":{"checksum/config","kubernetes.io/config.mirror":"c","pillion.dev/status":"s","A.Pillion.Dev/x":"y"}}}`,
		},
		"has of a claim whether it is read-only": {
			`{"spec":{"volumes":[{"name":"a","persistentVolumeClaim":{"claimName":"a-0","readOnly":true}},{"name":"b","configMap":{"name":"b"}}]}}`,
			`{"spec":{"volumes":[{"name":"a","persistentVolumeClaim":{"claimName","readOnly":true}},{"name":"b","configMap"}]}}`,
		},
		"has all of what has a reserved name": {
			reservedNames,
			`{"metadata":{"generateName"},"spec":{"containers":[{"image","name":"pillion-a","args"}{"image":"a","name":"pillion-a","args":["1"]},{"image","name":"b"}],` +
				`"volumes":[{"hostPath","name":"pillion-a"}{"hostPath":{"path":"/"},"name":"pillion-a"},{"hostPath","name":"b"}]}}`,
		},
		"has what is null": {
			`{"metadata":null,"spec":{"volumes":[{"configMap":null}],"nodeName":null}}`,
			`{"metadata":null,"spec":{"volumes":[{"configMap":null}],"nodeName":null}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, key, err := read([]byte(c.document))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, key); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A pod inside another document is read as one that stands alone, and the decoder stands
// behind it.
func TestReadLeavesTheRest(t *testing.T) {
	t.Parallel()
	document := []byte(`{"before": [1], "object" : ` + everyField + ` , "behind":2}`)
	dec := jsonscan.New(document)
	defer dec.Release()
	var got *Pod
	var raw []byte
	behind := ""
	err := jsonscan.EachMember(dec, func(name []byte) (err error) {
		switch string(name) {
		case "object":
			got, raw, err = Read(dec, document, nil)
			return err
		case "behind":
			var value jsontext.Value
			value, err = dec.ReadValue()
			behind = string(value)
			return err
		}
		return jsonscan.Skip(dec)
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := Decode([]byte(everyField))
	if err != nil {
		t.Fatal(err)
	}
	if string(raw) != everyField || behind != "2" {
		t.Errorf("read %s, and behind it %s", raw, behind)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b resource.Quantity) bool { return a.Cmp(b) == 0 })); diff != "" {
		t.Errorf("(-alone +inside):\n%s", diff)
	}
}

// A source that comes twice is read as its tags say: into what is there.
func TestASourceThatIsThereTwice(t *testing.T) {
	t.Parallel()
	document := []byte(`{"spec":{"volumes":[{"nfs":{"readOnly":true},"nfs":{"path":"/"},"csi":{"readOnly":true},"csi":null}]}}`)
	var want Pod
	if err := jsonv2.Unmarshal(document, &want, jsonscan.AllowDuplicates); err != nil {
		t.Fatal(err)
	}
	got, err := Decode(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := diffOfViews(&want, got); diff != "" {
		t.Errorf("(-tags +by hand):\n%s", diff)
	}
}
