// SPDX-License-Identifier: Apache-2.0

package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/pillion-dev/pillion/hack/images/internal/gobuild"
	"github.com/pillion-dev/pillion/hack/images/internal/layer"
	"github.com/pillion-dev/pillion/hack/images/internal/oci"
	"github.com/pillion-dev/pillion/hack/images/internal/roots"
)

// A product is a program that is shipped as an image.
type product struct {
	name        string // of the image, and of the binary at its root
	program     string // what the binary is called without an image; "" is name
	pkg         string // relative to the root of the repository
	systems     string // other than Linux that the binary alone is for, as in "darwin,windows"
	title       string
	description string
}

func products() []product {
	return []product{
		{
			name:        "pillion-webhook",
			pkg:         "./cmd/webhook",
			title:       "Pillion webhook",
			description: "Kubernetes admission webhook that turns pod annotations into helper sidecars",
		},
		{
			name:        "pillion-helper",
			pkg:         "./cmd/helper",
			title:       "Pillion helper",
			description: "The helper sidecars that the Pillion webhook adds to pods",
		},
		{
			name:        "pillion-certificates",
			pkg:         "./cmd/certificates",
			title:       "Pillion certificates",
			description: "Makes and renews the Pillion webhook's certificate in clusters without cert-manager",
		},
		{
			name:        "pillion-kubectl",
			program:     "kubectl-pillion", // which kubectl looks for
			systems:     "darwin,windows",
			pkg:         "./cmd/kubectl-pillion",
			title:       "kubectl pillion",
			description: "The command line of Pillion, which helm test runs",
		},
	}
}

// archive is the file name of the product's image.
func (p product) archive() string { return p.name + ".tar" }

// image compiles the product of the module at source for linux on arch. It also
// returns the image's labels.
func (p product) image(ctx context.Context, source, arch string) (v1.Image, map[string]string, error) {
	binary, err := gobuild.Compile(ctx, source, p.pkg, "linux/"+arch)
	if err != nil {
		return nil, nil, err
	}
	created, err := buildTime(binary)
	if err != nil {
		return nil, nil, err
	}
	files, err := p.files(binary.Content)
	if err != nil {
		return nil, nil, err
	}
	content, err := oci.Layer(files, created, gzip.BestCompression)
	if err != nil {
		return nil, nil, err
	}
	labels := p.labels(binary)
	img, err := oci.Image(content, oci.Spec{
		Platform: v1.Platform{OS: "linux", Architecture: arch},
		Created:  created,
		Config: v1.Config{
			Entrypoint: []string{"/" + p.name},
			User:       fmt.Sprintf("%d:%d", nonroot, nonroot),
			WorkingDir: "/",
			Labels:     labels,
		},
	})
	return img, labels, err
}

// nonroot is the user and group that the container runs as unless the pod says
// otherwise. It is a number in the image, since the kubelet cannot tell from a
// name that a user is not root.
const nonroot = 65532

// files are all that the image holds.
func (p product) files(binary []byte) ([]layer.File, error) {
	authorities, err := roots.PEM()
	if err != nil {
		return nil, err
	}
	passwd := fmt.Sprintf("nonroot:x:%d:%d:nonroot:/:/nonexistent\n", nonroot, nonroot)
	group := fmt.Sprintf("nonroot:x:%d:\n", nonroot)
	return []layer.File{
		layer.Regular("/"+p.name, 0o755, binary),
		layer.Regular(roots.Path, 0o644, authorities),
		layer.Regular("/etc/passwd", 0o644, []byte(passwd)),
		layer.Regular("/etc/group", 0o644, []byte(group)),
	}, nil
}

// labels are those of the OCI image specification. Version and revision are what
// the go command stamped into the binary.
func (p product) labels(b gobuild.Binary) map[string]string {
	const prefix = "org.opencontainers.image."
	labels := map[string]string{
		prefix + "title":       p.title,
		prefix + "description": p.description,
		prefix + "source":      "https://github.com/pillion-dev/pillion",
		prefix + "licenses":    "Apache-2.0",
		prefix + "version":     b.Version,
	}
	if b.Revision != "" {
		labels[prefix+"revision"] = b.Revision
	}
	return labels
}

// buildTime is the time that everything in an image bears: the commit's, unless
// SOURCE_DATE_EPOCH says otherwise (https://reproducible-builds.org/specs/source-date-epoch).
func buildTime(b gobuild.Binary) (time.Time, error) {
	text, set := os.LookupEnv("SOURCE_DATE_EPOCH")
	if !set {
		return b.Time, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q; it must be a number of seconds since 1970", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
