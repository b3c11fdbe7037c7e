import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;

/**
 * Runs the main class given as the first argument and exits when the parent process does. The parent keeps the pipe to
 * standard input open; the pipe closes when the parent exits, even if it is killed.
 */
public final class EndWithParent {
  public static void main(String[] arguments) throws Throwable {
    Thread watch = new Thread(() -> {
      try {
        while (System.in.read() >= 0) {
          // The parent sends nothing.
        }
      } catch (IOException gone) {
        // Same as the end of the stream.
      }
      Runtime.getRuntime().halt(143);
    });
    watch.setDaemon(true);
    watch.start();
    try {
      Class.forName(arguments[0])
          .getMethod("main", String[].class)
          .invoke(null, (Object) Arrays.copyOfRange(arguments, 1, arguments.length));
    } catch (InvocationTargetException error) {
      throw error.getCause();
    }
  }
}
