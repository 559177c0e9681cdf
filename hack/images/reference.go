// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
)

// What the images are called unless flags say otherwise. The Deployment in
// config/webhook and the default policy ask for these names; a test compares them.
const (
	defaultRegistry = "ghcr.io/pillion-dev"
	defaultTag      = "v0.1.0"
)

// reference is the full name of an image. A plain-HTTP registry is only spoken to
// if insecure is set, or if it is on this machine.
func reference(registry, image, tag string, insecure bool) (name.Tag, error) {
	options := []name.Option{name.StrictValidation}
	if insecure {
		options = append(options, name.Insecure)
	}
	ref, err := name.NewTag(registry+"/"+image+":"+tag, options...)
	if err != nil {
		return name.Tag{}, fmt.Errorf("registry %q and tag %q do not make an image name such as %s/%s:%s: %w",
			registry, tag, defaultRegistry, image, defaultTag, err)
	}
	return ref, nil
}
