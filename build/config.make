# Read by nginx's auto/make: rules for "make modules" and "make install". CMake runs when make
# does, because objs/ngx_auto_config.h is complete only when ./configure has ended.

case "$NGX_OBJS" in
    /*) gatehouse_objs=$NGX_OBJS ;;
    *)  gatehouse_objs=$PWD/$NGX_OBJS ;;
esac

# As auto/install, which comes later, works it out.
case "$NGX_MODULES_PATH" in
    "") gatehouse_modules_path=$NGX_PREFIX/modules ;;
    /*) gatehouse_modules_path=$NGX_MODULES_PATH ;;
    *)  gatehouse_modules_path=$NGX_PREFIX/$NGX_MODULES_PATH ;;
esac

cat << END                                                    >> $NGX_MAKEFILE

modules:	gatehouse

gatehouse:	$NGX_AUTO_CONFIG_H
	cmake -S $ngx_addon_dir -B $gatehouse_objs/gatehouse \\
		-DGATEHOUSE_NGINX_SRC=$PWD \\
		-DGATEHOUSE_NGINX_OBJS=$gatehouse_objs \\
		-DGATEHOUSE_MODULE_DIR=$gatehouse_objs
	cmake --build $gatehouse_objs/gatehouse --parallel `getconf _NPROCESSORS_ONLN`

install:	gatehouse-install

gatehouse-install:	gatehouse
	mkdir -p '\$(DESTDIR)$gatehouse_modules_path'
	cp $gatehouse_objs/ngx_http_gatehouse_*_module.so \\
		'\$(DESTDIR)$gatehouse_modules_path/'

.PHONY:	gatehouse gatehouse-install

END
