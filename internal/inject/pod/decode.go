// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// Decode decodes the view of a pod from its JSON. Like the API server's own decoder
// it is case-sensitive; unlike encoding/json it rejects invalid UTF-8. The JSON of
// containers and volumes in the view is a part of raw.
func Decode(raw []byte) (*Pod, error) {
	left := MaxView
	return DecodeWithin(raw, &left)
}

// DecodeWithin is Decode for one of several pods, whose views together may take as much memory
// as is left, in bytes; at first that is MaxView.
func DecodeWithin(raw []byte, left *int) (*Pod, error) {
	v := viewer{dec: jsonscan.New(raw), document: raw, spent: MaxView - *left}
	defer v.dec.Release()
	defer func() { *left = MaxView - v.spent }()
	pod := &Pod{}
	err := v.pod(pod)
	if _, end := v.dec.ReadToken(); errors.Is(err, io.EOF) || err == nil && !errors.Is(end, io.EOF) {
		err = jsonv2.Unmarshal(raw, &struct{}{}, jsonscan.AllowDuplicates) // which says what is wrong with a document that is none, or two
	}
	if err != nil {
		return nil, fmt.Errorf("decoding the pod: %w", jsonscan.WithoutValue(err))
	}
	pod.complete(raw)
	return pod, nil
}

// Read is Decode for the pod that comes next in a document. Unless it is nil, key becomes the JSON
// of the pod without what is not decided on: pods with the same key have the same view, except for
// the name that is generated. What its error says of positions is of the whole document.
func Read(dec *jsonscan.Decoder, document []byte, key *[]byte) (pod *Pod, raw []byte, err error) {
	start := jsonscan.Start(document, dec.InputOffset())
	v := viewer{dec: dec, document: document, key: key, kept: start}
	pod = &Pod{}
	if err := v.pod(pod); err != nil {
		return nil, nil, err
	}
	v.keepKey(dec.InputOffset())
	raw = document[start:dec.InputOffset()]
	pod.complete(raw)
	return pod, raw, nil
}

// complete derives what is no field of its own, and bounds the rest.
func (p *Pod) complete(raw []byte) {
	boundView(p)
	if p.Metadata.Annotations == nil { // of what the API server sends, only what a policy adds to
		metadata, err := jsonscan.Child(raw, "metadata")
		p.Metadata.Absent = errors.Is(err, jsonscan.ErrAbsent) || err == nil && metadata.Kind() == 'n'
	}
}

// viewer decodes the fields of the view as [jsonv2.Unmarshal] would by their tags, with
// two differences: what is not in the view, which is most of a pod, is passed over as fast
// as it can be; and the JSON of containers and volumes with a reserved name is kept.
//
// Anything but the kind of value that it expects it leaves to jsonv2, which makes the
// zero value of null and an error of the rest.
type viewer struct {
	dec      *jsonscan.Decoder
	document []byte
	texts    strings.Builder // the texts of the view, one behind the other
	spent    int             // see spend

	key  *[]byte // the document up to kept, without the values that are left out; nil if nobody wants it
	kept int64
}

// skip passes over a value that is not in the view.
func (v *viewer) skip() error {
	start := v.dec.InputOffset()
	err := jsonscan.Skip(v.dec)
	v.leaveOut(start)
	return err
}

// leaveOut keeps the value that was read since start out of the key. Its name, which stays,
// tells that it is left out.
func (v *viewer) leaveOut(start int64) {
	v.keepKey(start)
	v.kept = v.dec.InputOffset()
}

// keepKey takes the document up to an offset into the key.
func (v *viewer) keepKey(end int64) {
	if v.key != nil {
		*v.key = append(*v.key, v.document[v.kept:end]...)
		v.kept = end
	}
}

func (v *viewer) pod(p *Pod) error {
	return structOf(v, p, func(name []byte) error {
		switch string(name) {
		case "metadata":
			return v.metadata(&p.Metadata)
		case "spec":
			return v.spec(&p.Spec)
		}
		return v.skip()
	})
}

func (v *viewer) metadata(m *Metadata) error {
	return structOf(v, m, func(name []byte) error {
		switch string(name) {
		case "generateName":
			start := v.dec.InputOffset()
			err := v.string(&m.GenerateName)
			v.leaveOut(start) // it is told, and not decided on
			return err
		case "annotations":
			return v.annotations(&m.Annotations)
		}
		return v.skip()
	})
}

const annotationHas = 64 // bytes in a map, besides its texts

// annotations reads the annotations that are decided on. The values of others are not in the key
// either: the hash of a configuration there, or the index of a Job's pod, changes no answer.
func (v *viewer) annotations(read *map[string]string) error {
	if v.dec.PeekKind() != '{' {
		return v.any(read)
	}
	if *read == nil {
		*read = map[string]string{}
	}
	return jsonscan.EachMember(v.dec, func(name []byte) (err error) {
		if !DecidedOn(name) {
			if v.dec.PeekKind() == '"' {
				return v.skip()
			}
			_, err := v.text() // null, or an error
			return err
		}
		if err := v.spend(annotationHas); err != nil {
			return err
		}
		key := v.keep(name)
		(*read)[key], err = v.text()
		return err
	})
}

func (v *viewer) spec(s *Spec) error {
	return structOf(v, s, func(name []byte) error {
		switch string(name) {
		case "initContainers":
			return list(v, &s.InitContainers, v.container)
		case "containers":
			return list(v, &s.Containers, v.container)
		case "volumes":
			return list(v, &s.Volumes, v.volume)
		case "imagePullSecrets":
			return v.any(&s.ImagePullSecrets)
		case "nodeSelector":
			return table(v, &s.NodeSelector, v.text)
		case "nodeName":
			return v.string(&s.NodeName)
		case "os":
			return v.any(&s.OS)
		case "hostNetwork":
			return v.flag(&s.HostNetwork)
		case "hostPID":
			return v.flag(&s.HostPID)
		case "hostIPC":
			return v.flag(&s.HostIPC)
		case "restartPolicy":
			return v.string(&s.RestartPolicy)
		case "runtimeClassName":
			return v.any(&s.RuntimeClassName)
		case "securityContext":
			return v.any(&s.SecurityContext)
		case "resources":
			return v.any(&s.Resources)
		case "shareProcessNamespace":
			return v.any(&s.ShareProcessNamespace)
		case "terminationGracePeriodSeconds":
			return v.any(&s.TerminationGracePeriodSeconds)
		}
		return v.skip()
	})
}

func (v *viewer) container(c *Container) error {
	start := v.dec.InputOffset()
	err := structOf(v, c, func(name []byte) error {
		switch string(name) {
		case "name":
			return v.string(&c.Name)
		case "restartPolicy":
			return v.string(&c.RestartPolicy)
		case "command":
			return list(v, &c.Command, v.string)
		case "volumeMounts":
			return list(v, &c.VolumeMounts, v.mount)
		case "volumeDevices":
			return v.any(&c.VolumeDevices)
		case "ports":
			return v.any(&c.Ports)
		case "env":
			return v.raw(&c.Env)
		case "resources":
			return v.resources(&c.Resources)
		case "terminationMessagePath":
			return v.string(&c.TerminationMessagePath)
		case "livenessProbe":
			return v.presence(&c.LivenessProbe)
		case "startupProbe":
			return v.any(&c.StartupProbe)
		case "lifecycle":
			return v.any(&c.Lifecycle)
		case "securityContext":
			return v.any(&c.SecurityContext)
		}
		return v.skip()
	})
	if Reserved(c.Name) {
		c.Raw = v.whole(start)
	}
	return err
}

func (v *viewer) mount(m *VolumeMount) error {
	return structOf(v, m, func(name []byte) error {
		switch string(name) {
		case "name":
			return v.string(&m.Name)
		case "mountPath":
			return v.string(&m.MountPath)
		case "readOnly":
			return v.flag(&m.ReadOnly)
		case "subPath":
			return v.string(&m.SubPath)
		case "subPathExpr":
			return v.string(&m.SubPathExpr)
		case "mountPropagation":
			return v.any(&m.MountPropagation)
		}
		return v.skip()
	})
}

func (v *viewer) volume(vol *Volume) error {
	start := v.dec.InputOffset()
	err := structOf(v, vol, func(name []byte) error {
		switch string(name) {
		case "name":
			return v.string(&vol.Name)
		case "emptyDir":
			return v.any(&vol.EmptyDir)
		case "configMap":
			return v.presence(&vol.ConfigMap)
		case "secret":
			return v.presence(&vol.Secret)
		case "projected":
			return v.presence(&vol.Projected)
		case "downwardAPI":
			return v.presence(&vol.DownwardAPI)
		case "image":
			return v.presence(&vol.Image)
		case "persistentVolumeClaim":
			return v.readOnlySource(&vol.PersistentVolumeClaim)
		case "nfs":
			return v.readOnlySource(&vol.NFS)
		case "csi":
			return v.readOnlySource(&vol.CSI)
		}
		return v.skip()
	})
	if Reserved(vol.Name) {
		vol.Raw = v.whole(start)
	}
	return err
}

// readOnlySource reads a source whose other fields, such as the claim's name that each pod of
// a StatefulSet has for itself, are not decided on.
func (v *viewer) readOnlySource(source **ReadOnlySource) error {
	if v.dec.PeekKind() != '{' {
		return v.any(source)
	}
	if *source == nil {
		*source = &ReadOnlySource{}
	}
	return structOf(v, *source, func(name []byte) error {
		if string(name) == "readOnly" {
			return v.flag(&(*source).ReadOnly)
		}
		return v.skip()
	})
}

func (v *viewer) resources(r *corev1.ResourceRequirements) error {
	return structOf(v, r, func(name []byte) error {
		switch string(name) {
		case "limits":
			return table(v, &r.Limits, v.quantity)
		case "requests":
			return table(v, &r.Requests, v.quantity)
		case "claims":
			return v.any(&r.Claims)
		}
		return v.skip()
	})
}

// whole is the value that the decoder has just read, having stood at start before. It is all
// in the key, behind what is there of it.
func (v *viewer) whole(start int64) json.RawMessage {
	end := v.dec.InputOffset()
	start = jsonscan.Start(v.document, start)
	v.keepKey(end)
	v.kept = start
	v.keepKey(end)
	return v.document[start:end]
}
