// SPDX-License-Identifier: Apache-2.0

package main

import (
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/pillion-dev/pillion/hack/images/internal/layer"
	"github.com/pillion-dev/pillion/hack/images/internal/oci"
)

// pack writes a directory as an image for this machine's architecture. Everything
// in it belongs to root and was changed in 1970, so that the same files are the
// same image.
func pack(_ context.Context, args []string, stdout, stderr io.Writer) error {
	var config v1.Config
	var owners []layer.Owner
	flags := flag.NewFlagSet("pack", flag.ContinueOnError)
	root := flags.String("root", "", "`DIR` that becomes the image's root")
	image := flags.String("name", "", "`NAME` of the image, with a registry and a tag")
	out := flags.String("out", "", "`FILE` to write")
	entrypoint := flags.String("entrypoint", "", "`LIST` of words, separated by commas")
	flags.StringVar(&config.User, "user", "", "`UID` or UID:GID to run as (default root)")
	flags.StringVar(&config.WorkingDir, "workdir", "/", "`DIR` in the image to start in")
	flags.Func("env", "`NAME=VALUE` in the environment; may be repeated", func(s string) error {
		config.Env = append(config.Env, s)
		return nil
	})
	flags.Func("own", "`PATH=UID:GID`: owner of PATH and all below it; may be repeated", func(s string) error {
		o, err := layer.ParseOwner(s)
		owners = append(owners, o)
		return err
	})
	if err := parse(flags, args, stderr, "root", "name", "out"); err != nil {
		return err
	}
	if *entrypoint != "" {
		config.Entrypoint = strings.Split(*entrypoint, ",")
	}
	ref, err := name.NewTag(*image, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("--name %q must be an image name with a registry and a tag, such as pillion.test/e2e:dev: %w", *image, err)
	}
	if err := os.MkdirAll(filepath.Dir(*out), 0o755); err != nil {
		return fmt.Errorf("the output directory cannot be made: %w", err)
	}
	img, err := packDirectory(*root, owners, config)
	if err != nil {
		return err
	}
	if err := oci.WriteImage(*out, ref, img); err != nil {
		return err
	}
	r, err := describeImage(ref, img)
	if err != nil {
		return err
	}
	return printTable(stdout, []row{r})
}

func packDirectory(dir string, owners []layer.Owner, config v1.Config) (v1.Image, error) {
	files, err := layer.Directory(dir, owners)
	if err != nil {
		return nil, err
	}
	epoch := time.Unix(0, 0)
	content, err := oci.Layer(files, epoch, gzip.BestSpeed) // for this machine; nobody downloads it
	if err != nil {
		return nil, err
	}
	return oci.Image(content, oci.Spec{
		Platform: v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Created:  epoch,
		Config:   config,
	})
}
