// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/pillion-dev/pillion/hack/images/internal/oci"
)

// push sends what build wrote to a registry, under whatever name, with the
// credentials that docker login and its like have stored.
func push(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("push", flag.ContinueOnError)
	registry := flags.String("registry", "", "`HOST/PREFIX` to push to, such as "+defaultRegistry)
	tag := flags.String("tag", defaultTag, "`TAG` to push as")
	from := flags.String("from", "../../bin/images", "`DIR` with the archives that build wrote")
	insecure := flags.Bool("insecure", false, "speak HTTP if the registry has no HTTPS")
	if err := parse(flags, args, stderr, "registry"); err != nil {
		return err
	}
	for _, p := range products() {
		ref, err := reference(*registry, p.name, *tag, *insecure)
		if err != nil {
			return err
		}
		digest, err := pushArchive(ctx, filepath.Join(*from, p.archive()), ref)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s@%s\n", ref.Name(), digest)
	}
	return nil
}

// pushArchive returns the digest of the index that the registry now has.
func pushArchive(ctx context.Context, file string, ref name.Tag) (string, error) {
	dir, err := os.MkdirTemp("", "pillion-images-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	index, err := oci.OpenIndex(file, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is not there; run the command build first, or name another directory with --from", file)
	}
	if err != nil {
		return "", err
	}
	err = remote.WriteIndex(ref, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return "", fmt.Errorf("%s was not pushed: %w", ref.Name(), err)
	}
	digest, err := index.Digest()
	return digest.String(), err
}
