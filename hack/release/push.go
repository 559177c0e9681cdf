// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// push sends the images and the chart of a release to the registry that it was made for,
// with the credentials of docker login, and signs them there.
func push(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var s signer
	flags := flag.NewFlagSet("push", flag.ContinueOnError)
	from := flags.String("from", "", "`DIR` that the command build wrote")
	unsigned := flags.Bool("unsigned", false, "push without signatures")
	s.flags(flags)
	if err := parse(flags, args, stderr, "from"); err != nil {
		return err
	}
	if !*unsigned {
		if err := s.check(); err != nil {
			return fmt.Errorf("%w; or --unsigned", err)
		}
	}
	images, err := readImages(*from)
	if err != nil {
		return err
	}
	for _, i := range images {
		if err := i.notAnother(ctx); err != nil {
			return err
		}
	}
	if err := pushAll(ctx, images, *from); err != nil {
		return err
	}
	for _, i := range images {
		if !*unsigned {
			if err := s.attest(ctx, i, *from); err != nil {
				return err
			}
		}
		fmt.Fprintln(stdout, i.pinned())
	}
	return nil
}

// pushAll sends the images and the chart, and compares what arrived with the list.
func pushAll(ctx context.Context, images []image, dir string) error {
	first, err := name.NewTag(images[0].ref, name.StrictValidation)
	if err != nil {
		return err
	}
	prefix := strings.TrimSuffix(images[0].repository(), "/"+filepath.Base(images[0].repository()))
	if _, err := runImages(ctx, nil, "push", "--from", dir, "--registry", prefix, "--tag", first.TagStr()); err != nil {
		return err
	}
	for _, i := range images {
		ref, err := name.NewTag(i.ref, name.StrictValidation)
		if err != nil {
			return err
		}
		if i.isChart() {
			if err := pushChart(ctx, filepath.Join(dir, "pillion-"+ref.TagStr()+".tgz"), ref); err != nil {
				return fmt.Errorf("%s was not pushed: %w", i.ref, err)
			}
		}
		there, err := remote.Head(ref, withKeychain(ctx)...)
		if err != nil {
			return err
		}
		if there.Digest.String() != i.digest {
			return fmt.Errorf("%s: the registry has %s, and %s says %s; build the release again", i.ref, there.Digest, imageList, i.digest)
		}
	}
	return nil
}

func pushChart(ctx context.Context, file string, ref name.Tag) error {
	chart, err := artefact(file)
	if err != nil {
		return err
	}
	return remote.Write(ref, chart, withKeychain(ctx)...)
}

// readImages reads what the registry gets.
func readImages(dir string) ([]image, error) {
	text, err := os.ReadFile(filepath.Join(dir, imageList))
	if err != nil {
		return nil, fmt.Errorf("%s is not a release: %w", dir, err)
	}
	var images []image
	for line := range strings.Lines(string(text)) {
		ref, digest, found := strings.Cut(strings.TrimSpace(line), "@")
		if _, err := name.NewTag(ref, name.StrictValidation); err != nil || !found {
			return nil, fmt.Errorf("%s: %q is not an image with a tag and a digest", filepath.Join(dir, imageList), strings.TrimSpace(line))
		}
		images = append(images, image{ref: ref, digest: digest})
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("%s lists nothing; build the release again", filepath.Join(dir, imageList))
	}
	return images, nil
}

// notAnother is an error if the tag is taken: what a version is never changes.
func (i image) notAnother(ctx context.Context) error {
	ref, err := name.NewTag(i.ref, name.StrictValidation)
	if err != nil {
		return err
	}
	there, err := remote.Head(ref, withKeychain(ctx)...)
	var rejected *transport.Error
	if errors.As(err, &rejected) && rejected.StatusCode == http.StatusNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: whether it is there already cannot be seen: %w", i.ref, err)
	}
	if there.Digest.String() != i.digest {
		return fmt.Errorf("%s is there already, with other content (%s, and not %s); a version is never replaced: release a new one", i.ref, there.Digest, i.digest)
	}
	return nil
}

func withKeychain(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
}

// platforms are the digests of an index's images, by platform; a chart has none.
func (i image) platforms(ctx context.Context) (map[string]string, error) {
	if i.isChart() {
		return nil, nil
	}
	ref, err := name.NewDigest(i.pinned(), name.WithDefaultTag(""))
	if err != nil {
		return nil, err
	}
	index, err := remote.Index(ref, withKeychain(ctx)...)
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, m := range manifest.Manifests {
		all[m.Platform.String()] = m.Digest.String()
	}
	return all, nil
}

// attest signs an image or the chart, and attaches its provenance and, for each platform,
// its bill of materials.
func (s *signer) attest(ctx context.Context, i image, dir string) error {
	pinned := i.repository() + "@" + i.digest
	if err := s.run(ctx, "sign", "--recursive", pinned); err != nil {
		return err
	}
	predicate, err := provenancePredicate(dir)
	if err != nil {
		return err
	}
	defer os.Remove(predicate)
	if err := s.run(ctx, "attest", "--type", "slsaprovenance1", "--predicate", predicate, pinned); err != nil {
		return err
	}
	platforms, err := i.platforms(ctx)
	if err != nil {
		return err
	}
	for platform, digest := range platforms {
		bill, err := findBill(dir, i.ref, platform)
		if err != nil {
			return err
		}
		if err := s.run(ctx, "attest", "--type", "cyclonedx", "--predicate", bill, i.repository()+"@"+digest); err != nil {
			return err
		}
	}
	return nil
}

// provenancePredicate writes what the provenance says, without its subjects, to a file:
// cosign makes the statement of an image itself.
func provenancePredicate(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, provenanceFile))
	if err != nil {
		return "", err
	}
	var s struct {
		Predicate json.RawMessage `json:"predicate"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return "", fmt.Errorf("%s: %w", provenanceFile, err)
	}
	out, err := os.CreateTemp("", "pillion-provenance-")
	if err != nil {
		return "", err
	}
	_, err = out.Write(s.Predicate)
	return out.Name(), errors.Join(err, out.Close())
}

// findBill is the bill of materials of the program in an image.
func findBill(dir, ref, platform string) (string, error) {
	tag := ref[strings.LastIndex(ref, ":")+1:]
	program := strings.TrimSuffix(filepath.Base(ref), ":"+tag)
	if program == "pillion-kubectl" {
		program = "kubectl-pillion"
	}
	bill := filepath.Join(dir, fmt.Sprintf("%s_%s_%s.cdx.json", program, tag, strings.ReplaceAll(platform, "/", "_")))
	_, err := os.Stat(bill)
	return bill, err
}
