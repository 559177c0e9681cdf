// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/cmd/kubectl-pillion/cluster"
	"github.com/pillion-dev/pillion/internal/gitfetch"
)

// mountable is a Secret or a ConfigMap of the files.
type mountable struct {
	kind, namespace, name string
	data                  map[string][]byte
}

// mountables are those of the documents.
func mountables(documents []*document) ([]mountable, error) {
	var all []mountable
	for _, d := range documents {
		items, err := d.items()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.source, err)
		}
		for i := range items {
			o := &items[i]
			if o.apiVersion != "v1" || o.kind != "Secret" && o.kind != "ConfigMap" {
				continue
			}
			data, err := cluster.DataOf(o.kind, o.raw)
			if err != nil {
				return nil, fmt.Errorf("%s/%s (%s): %w", o.kind, o.name, d.source, err)
			}
			all = append(all, mountable{o.kind, o.namespace, o.name, data})
		}
	}
	return all, nil
}

// trouble is why nothing was fetched, and what that means for the answer.
type trouble struct{ result, text string }

// equip gives a request the files that its container would mount, in a directory below root
// for each of its own.
func (t *trial) equip(ctx context.Context, root string, p *tryPoller, r *gitfetch.Request) *trouble {
	if t.direct {
		r.Proxy, r.ProxyAuthDir = "", ""
	}
	auth := &r.AuthDir
	if t.authDir != "" && r.AuthDir != "" {
		r.AuthDir, auth = t.authDir, new("")
	}
	for _, at := range []*string{auth, &r.CAFile, &r.ExtraCAFile, &r.ProxyAuthDir} {
		if *at == "" {
			continue
		}
		volume, mountPath := p.mounted(*at)
		if volume == nil {
			return &trouble{notKnown, fmt.Sprintf("nothing is mounted at %s in the container", *at)}
		}
		if problem := t.mount(ctx, filepath.Join(root, mountPath), p, volume, at == auth); problem != nil {
			return problem
		}
		*at = filepath.Join(root, *at)
	}
	return nil
}

// mounted is the volume with a file or directory of the container, and where it is mounted;
// nil if there is none.
func (p *tryPoller) mounted(path string) (*corev1.Volume, string) {
	for _, m := range p.container.VolumeMounts {
		if path != m.MountPath && !strings.HasPrefix(path, m.MountPath+"/") {
			continue
		}
		if i := slices.IndexFunc(p.pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }); i >= 0 {
			return &p.pod.Volumes[i], m.MountPath
		}
	}
	return nil, ""
}

// mount writes a volume's files into a directory, as the kubelet does.
func (t *trial) mount(ctx context.Context, dir string, p *tryPoller, v *corev1.Volume, isAuth bool) *trouble {
	var kind, name string
	var items []corev1.KeyToPath
	switch {
	case v.Secret != nil:
		kind, name, items = "Secret", v.Secret.SecretName, v.Secret.Items
	case v.ConfigMap != nil:
		kind, name, items = "ConfigMap", v.ConfigMap.Name, v.ConfigMap.Items
	default:
		return &trouble{notKnown, fmt.Sprintf("the volume %s is neither a Secret nor a ConfigMap", v.Name)}
	}
	data, problem := t.data(ctx, kind, cmp.Or(p.object.namespace, t.namespace), name, isAuth)
	if problem != nil {
		return problem
	}
	if items == nil {
		for key := range data {
			items = append(items, corev1.KeyToPath{Key: key, Path: key})
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &trouble{notKnown, err.Error()}
	}
	for _, item := range items {
		content, has := data[item.Key]
		if !has {
			return &trouble{wouldFail, fmt.Sprintf("the %s %s has no key %s (it has: %s), so the pod would not start", kind, name, item.Key, listed(data))}
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(item.Path)), content, 0o600); err != nil {
			return &trouble{notKnown, err.Error()}
		}
	}
	return nil
}

func listed(data map[string][]byte) string {
	if len(data) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(data)), ", ")
}

// data is what a Secret or a ConfigMap holds: one of the files, else one of the cluster.
func (t *trial) data(ctx context.Context, kind, namespace, name string, isAuth bool) (map[string][]byte, *trouble) {
	for i := range t.inFiles {
		if m := &t.inFiles[i]; m.kind == kind && m.name == name && cmp.Or(m.namespace, t.namespace) == namespace {
			return m.data, nil
		}
	}
	if t.cluster == nil {
		advice := "name its file with -f as well, or read it from the cluster with --live"
		if isAuth {
			advice += ", or give its keys as files with --auth-dir"
		}
		return nil, &trouble{notKnown, fmt.Sprintf("the %s %s of namespace %s is not in the files; %s", kind, name, namespace, advice)}
	}
	data, err := t.cluster.client.Data(ctx, kind, namespace, name)
	switch {
	case apierrors.IsNotFound(err):
		return nil, &trouble{wouldFail, fmt.Sprintf("the %s %s does not exist in namespace %s, so the pod would not start; create it first", kind, name, namespace)}
	case err != nil:
		return nil, &trouble{notKnown, err.Error()}
	}
	return data, nil
}

// inBytes writes a number of bytes as the command line has it.
func inBytes(n int64) string { return resource.NewQuantity(n, resource.BinarySI).String() }
